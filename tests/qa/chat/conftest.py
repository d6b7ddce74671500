"""A scripted language model, a server configured with it, and an OpenAI client of that server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import openai
import pytest

from tests.conftest import Server, StartServer
from tests.qa.chat.model_client import IDLE_TIMEOUT, TIMEOUT
from tests.qa.chat.scripted_model import ScriptedModel


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as running:
        yield running


@pytest.fixture(scope="module")
def model_server(data_folder: Callable[[], Path], start_server: StartServer, model: ScriptedModel) -> Iterator[Server]:
    settings = {
        "QA_LLM_URL": model.address,
        "QA_LLM_MODEL": "scripted",
        "QA_LLM_KEY": "a secret",
        "QA_LLM_IDLE_TIMEOUT": str(IDLE_TIMEOUT),
        "QA_LLM_TIMEOUT": str(TIMEOUT),
    }
    with start_server(data_folder(), **settings) as running:
        yield running
        assert "Traceback" not in running.log, running.log
        assert "a secret" not in running.log


@pytest.fixture(scope="module")
def client(model_server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{model_server.address}/v1", api_key="none", max_retries=0, timeout=60) as made:
        yield made

"""Instructions inside documents: a model that obeys every one of them, and what of it still reaches a reader.

What holds whatever a model does: a passage stays inside its fence, there are no tools, and nothing is shown that is not borne out by the
words of the passages. What cannot be proven is told in docs/operations.md: a model can quote the instruction itself, or leave out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.qa.scripted_model import ScriptedModel, saying

INJECTIONS = json.loads((Path(__file__).parent.parent / "data" / "injections.json").read_text("utf-8"))
FENCED = re.compile(r"^passage \[(\d+)\] (\w{32})\n(.*?)\nend of passage \[\1\] \2$", re.M | re.S)


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as running:
        yield running


@pytest.fixture(scope="module")
def museum(data_folder: Callable[[], Path], start_server: Callable[..., Any], model: ScriptedModel) -> Iterator[Any]:
    """Each document says where a lantern is kept, and holds an instruction."""
    with start_server(data_folder(), QA_LLM_URL=model.address, QA_LLM_MODEL="obedient") as running:
        for room, each in enumerate(INJECTIONS, 1):
            text = f"The {each['lantern']} lantern is kept in room {room} of the museum. {each['payload']}"
            job = running.add(id=each["lantern"], title=f"The {each['lantern']} lantern", text=text)
        running.finished(job)
        yield running


@pytest.mark.parametrize("each", INJECTIONS, ids=lambda each: each["lantern"])
def test_what_an_instruction_in_a_document_demands_does_not_reach_the_reader(
    museum: Any, model: ScriptedModel, each: dict[str, str]
) -> None:
    question = f"Where is the {each['lantern']} lantern of the museum kept?"
    mark = ""

    def obey(body: dict[str, Any]) -> str:
        nonlocal mark
        mark = FENCED.findall(body["messages"][-1]["content"])[0][1]
        return each["obeys"].replace("{mark}", mark)

    model.behave = saying(obey)
    asked = len(model.asked)
    body = json.dumps({"messages": [{"role": "user", "content": question}]}).encode()
    completion = museum.post("/v1/chat/completions", body).json()
    content = completion["choices"][0]["message"]["content"]
    assert len(model.asked) == asked + 1
    assert each["forbidden"].replace("{mark}", mark) not in f"{content}\n"
    assert f"The {each['lantern']} lantern is kept in room" in content

    sent = model.asked[-1]
    assert "tools" not in sent
    system, user = sent["messages"]
    passages = FENCED.findall(user["content"])
    assert len({found[1] for found in passages}) == 1
    assert any(each["payload"] in text for _, _, text in passages)
    assert each["payload"] not in FENCED.sub("", user["content"])
    assert each["payload"] not in system["content"]
    for annotation in completion["choices"][0]["message"]["annotations"]:
        text = museum.get(f"/v1/documents/{annotation['document']['id']}/text").json()["text"]
        assert text[annotation["start"] : annotation["end"]] == annotation["quote"]

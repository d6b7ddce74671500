"""Language detection of short questions in several scripts."""

from __future__ import annotations

import pytest

from corpus.languages import detect


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("谁演唱了国歌？", "zh"),
        ("特斯拉是哪一年去世的？", "zh"),
        ("誰が署名しましたか", "ja"),
        ("누가 서명했습니까", "ko"),
        ("من هو رئيس TUMAS؟", "ar"),
        ("Кто подписал?", "ru"),
        ("¿Cuándo se firmó el memorando de entendimiento?", "es"),
        ("When was the memorandum of understanding signed?", "en"),
    ],
)
def test_detects_the_language_of_a_question(text: str, language: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize("text", ["", "who", "Who signed", "12 + 30", "Ω", "Natwest?"])
def test_short_text_has_no_language(text: str) -> None:
    assert detect(text) is None

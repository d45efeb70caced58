from __future__ import annotations

import pytest

from clearward.errors import DeidentifyError
from clearward.notes.intake import decode_text
from clearward.notes.reader import read_note

DIALOGUE = "医生：有没有胸痛？\r\n患者：没有。\r\n"
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("text", [DIALOGUE, "[doctor] any pain ?\r\n[patient] no .\r\n"])
def test_bytes_of_every_encoding_are_the_same_text(text: str, encoding: str) -> None:
    assert decode_text(text.encode(encoding)) == text.replace("\r\n", "\n")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_a_single_word_is_read_where_its_encoding_shows(encoding: str) -> None:
    assert decode_text("胸痛".encode(encoding)) == "胸痛"


def test_a_gb18030_mark_and_characters_outside_gbk_are_read() -> None:
    assert decode_text(b"\x84\x31\x95\x33" + "㐂女士胸痛".encode("gb18030")) == "㐂女士胸痛"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_answer_decides_in_every_encoding(encoding: str) -> None:
    (finding,) = read_note(decode_text(DIALOGUE.encode(encoding)))
    assert finding.value_text == "chest_pain" and finding.is_negated


@pytest.mark.parametrize(
    "data", [b"\xff\xff\xff", "a\ufffdb".encode(), b"a\0b", b"\xef\xbb\xbf\xff"]
)
def test_bytes_that_are_no_whole_text_are_refused_without_showing_them(data: bytes) -> None:
    with pytest.raises(DeidentifyError) as caught:
        decode_text(data)
    assert "0x" not in str(caught.value) and caught.value.__cause__ is None

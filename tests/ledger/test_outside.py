"""Whatever comes from outside, damaged as anybody likes: read or refused in words, never a failure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.core.errors import Invalid
from tests.outside import READERS, tried

few = settings(max_examples=25, deadline=5_000, suppress_health_check=list(HealthCheck))
ODD = st.sampled_from(
    [b"\0", b"\xff\xfe", b"\n", b",", b'"', b"\xef\xbb\xbf", b"9" * 400, b"..", b"\xed\xa0\x80", b"{"]
)


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """One of some good ones with bytes put in, taken out, doubled or cut off; or any bytes at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    content = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.integers(0, 40)))
        put = draw(st.one_of(ODD, st.binary(max_size=4), st.just(content[at:end] * 2), st.just(b"")))
        content = content[:at] + put + content[end:]
    return content


@pytest.mark.filterwarnings("ignore")  # what the readers of others say of a damaged file
@pytest.mark.parametrize("kind", READERS)
def test_what_comes_from_outside_is_read_or_refused_in_words(kind: str) -> None:
    @few
    @given(damaged(READERS[kind][1]))
    def tries(content: bytes) -> None:
        tried(kind, content)

    tries()


@pytest.mark.parametrize("kind", sorted(READERS.keys() - {"carried"}))
def test_what_each_of_them_is_like_when_it_is_good_is_read(kind: str) -> None:
    """Or nothing but its first refusal would be tried; a paper's pages are another test's."""
    read, seeds = READERS[kind]
    assert all(read(seed) is not None for seed in seeds)


# What fuzzers found once: a picture cut off where its reader looks for a second frame, and a file whose
# table of places is another thing.
FOUND = {
    "upload": b"GIF87a\x10\0\x0c\0\x81\0\0"
    + bytes(12)
    + b",\0\0\0\0\x10\0\x0c\0\0\x08\x02\0\x01\0"
    + b"," * 2,
    "paper": b"%PDF-1.7\n1 0 obj\n<</Type /Page /Length 0>>\nstream\n\nendstream\nendobj\n"
    b"startxref\n9\n%%EOF\n",
}


@pytest.mark.parametrize("kind", FOUND)
def test_what_made_a_reader_of_others_stumble_is_refused(kind: str) -> None:
    with pytest.raises(Invalid):
        READERS[kind][0](FOUND[kind])


@pytest.mark.long
@pytest.mark.parametrize("kind", READERS)
def test_a_fuzzer_finds_nothing_in_some_seconds(kind: str, tmp_path: Path) -> None:
    verb = [
        sys.executable,
        "-m",
        "tests.fuzzing",
        kind,
        "-max_total_time=20",
        f"-artifact_prefix={tmp_path}/",
    ]
    done = subprocess.run(verb, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]

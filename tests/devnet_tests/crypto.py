"""Signatures made without any of the project's code: python3-ecdsa and python3-pycryptodome."""
import hashlib

from Cryptodome.Hash import keccak
from ecdsa import SECP256k1, SigningKey, rfc6979

ORDER = SECP256k1.order


def keccak256(data):
    return keccak.new(digest_bits=256, data=data).digest()


class Wallet:
    def __init__(self):
        self.key = SigningKey.generate(curve=SECP256k1)
        point = self.key.verifying_key.to_string()
        self.public_key = "04" + point.hex()
        self.address = "0x" + keccak256(point)[-20:].hex()

    def sign(self, digest, high_s=False):
        """r, s, v with v = recovery id 0 or 1."""
        secret = self.key.privkey.secret_multiplier
        k = rfc6979.generate_k(ORDER, secret, hashlib.sha256, digest)
        point = SECP256k1.generator * k
        r, recovery_id = point.x() % ORDER, point.y() & 1
        s = pow(k, -1, ORDER) * (int.from_bytes(digest, "big") + r * secret) % ORDER
        if (s > ORDER // 2) != high_s:
            s, recovery_id = ORDER - s, recovery_id ^ 1
        return r, s, recovery_id

    def sign_registration(self, url, timestamp, **options):
        r, s, v = self.sign(keccak256((url + timestamp).encode()), **options)
        return f"{r:064x}{s:064x}{v:02x}"

    def sign_message(self, message, **options):
        data = message.encode()
        digest = keccak256(b"\x19Ethereum Signed Message:\n" + str(len(data)).encode() + data)
        r, s, v = self.sign(digest, **options)
        return f"0x{r:064x}{s:064x}{v + 27:02x}"

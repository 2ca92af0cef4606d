"""Registration and login: docs/network.md 1 and 2, one mutation at a time."""
import time

from client import Node
from crypto import Wallet
from network import Inbound, request
from rule_case import RuleCase, breaks


class Registration(RuleCase):
    def registered(self, **changes):
        body = {**self.node.registration(), **changes}
        return self.node.register({name: value for name, value in body.items() if value is not None})

    @breaks("register-shape")
    def test_shape(self):
        return [self.registered(extra=1), self.registered(version=None), self.registered(version=7),
                self.registered(capabilities="/a")]

    @breaks("json-content-type")
    def test_content_type(self):
        url = self.devnet.dds + "/internal/v1/nodes/register"
        return [request("POST", url, b"{}", {"Content-Type": "text/plain"}), request("POST", url, b"{}")]

    @breaks("json-body")
    def test_body(self):
        twice = b'{"wallet":"0x1","wallet":"0x2"}'
        return [self.node.register(b"{not json"), self.node.register(b"[]"), self.node.register(b'{"a":1}\0'),
                self.node.register(b'{"a":"\xff"}'),
                self.node.post(self.devnet.dds + "/internal/v1/auth/siwe/request", twice)]

    @breaks("register-url")
    def test_url(self):
        urls = ["http://node.example", "HTTP://node.example/", "http://Node.example/", "http://node.example:80/",
                "https://node.example:443/a", "http://node.example/a/../b", "http://node.example/a b",
                "http://node.example/\u00e9", "ftp://node.example/", "http:///", "http://node.example:/",
                "http://node.example/a`"]
        return [self.node.register(self.node.registration(url=url)) for url in urls]

    @breaks("register-version")
    def test_version(self):
        return [self.registered(version=version) for version in ("v1.2.3", "1.2", "", " 1.2.3", "01.2.3")]

    @breaks("register-credentials")
    def test_credentials(self):
        return self.registered(registration_credentials="wrong")

    @breaks("register-capabilities")
    def test_capabilities(self):
        return [self.registered(capabilities=[]), self.registered(capabilities=[""]), self.registered(capabilities=[1])]

    @breaks("register-capabilities-sorted")
    def test_sorted(self):
        return [self.registered(capabilities=["/b", "/a"]), self.registered(capabilities=["/a", "/a"])]

    @breaks("register-timestamp-format")
    def test_timestamp_format(self):
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        return [self.node.register(self.node.registration(timestamp=timestamp)) for timestamp in
                (now + "Z", now + ".006Z", now + ".006007008+00:00", now.replace("T", " ") + ".006007008Z",
                 now[:-2] + "60.006007008Z", "2024-13-01T00:00:00.000000000Z")]

    @breaks("register-timestamp-fresh")
    def test_timestamp_fresh(self):
        return self.node.register(self.node.registration(timestamp="2024-01-02T03:04:05.006007008Z"))

    @breaks("register-public-key-format")
    def test_public_key(self):
        key = self.node.wallet.public_key
        return [self.registered(public_key=value) for value in (key.upper(), "0x" + key, "02" + key[2:66], key[:-2])]

    @breaks("register-signature-format")
    def test_signature_format(self):
        body = self.node.registration()
        signature = body["signature"]
        wrong = ["0x" + signature, signature[:128], signature[:128] + "1b", signature.upper(), "zz" + signature[2:]]
        return [self.node.register({**body, "signature": value}) for value in wrong if value != signature]

    @breaks("register-signature-low-s")
    def test_low_s(self):
        return self.node.register(self.node.registration(high_s=True))

    @breaks("register-signature")
    def test_signature(self):
        body = self.node.registration()
        other = Wallet()
        flipped = body["signature"][:129] + str(1 - int(body["signature"][129]))
        return [self.node.register({**body, "url": "http://other.example/"}),
                self.node.register({**body, "public_key": other.public_key}),
                self.node.register({**body, "signature": flipped})]

    @breaks("wallet-shape")
    def test_wallet_shape(self):
        return [self.node.register_wallet(extra=1), self.node.register_wallet(version=None)]

    @breaks("siwe-nonce-used")
    def test_wallet_nonce_is_used_up(self):
        body = self.node.wallet_registration()
        url = self.devnet.dds + "/internal/v1/nodes/register-wallet"
        self.assertEqual(self.node.post(url, body).status, 200)
        return self.node.post(url, body)

    @breaks("request-unknown")
    def test_unknown_paths(self):
        return [request("GET", self.devnet.dms + "//tasks"), request("POST", self.devnet.dds + "/internal/v1/nodes")]

    @breaks("request-method")
    def test_method(self):
        return request("PUT", self.devnet.dms + "/tasks")

    def test_a_node_that_answers_the_callback_wrongly_is_noted(self):
        self.node.inbound = Inbound()
        self.node.inbound.callback_answer = (200, b'{"ok":1}')
        self.settings(health_interval_ms=100)
        self.assertEqual(self.node.register().status, 200)
        self.devnet.admin("GET", "/violations?since=0&wait_ms=20000")
        self.assertIn("callback-answer", self.devnet.violations())

    def test_a_node_that_fails_its_health_check_is_noted(self):
        self.settings(health_interval_ms=100)
        self.node.inbound = Inbound()
        self.node.inbound.health_status = 500
        self.assertEqual(self.node.register().status, 200)
        self.devnet.admin("GET", "/violations?since=0&wait_ms=20000")
        self.assertIn("health-answer", self.devnet.violations())
        self.settings(health_interval_ms=0)


class Flow(RuleCase):
    OPTIONS = ("--flow", "wallet")

    @breaks("register-flow")
    def test_flow(self):
        return self.node.register()


class Login(RuleCase):
    def setUp(self):
        super().setUp()
        self.assertEqual(self.node.register_wallet().status, 200)

    @breaks("siwe-request-shape")
    def test_request_shape(self):
        url = self.devnet.dds + "/internal/v1/auth/siwe/request"
        return [self.node.post(url, {"address": self.node.wallet.address}),
                self.node.post(url, {"wallet": self.node.wallet.address, "chainId": 1})]

    @breaks("siwe-address-lowercase")
    def test_address(self):
        address = self.node.wallet.address
        url = self.devnet.dds + "/internal/v1/auth/siwe/request"
        return [self.node.post(url, {"wallet": wrong}) for wrong in ("0X" + address[2:], address[2:], address + "0",
                                                                     "0x" + "AB" * 20)]

    @breaks("siwe-verify-shape")
    def test_verify_shape(self):
        return [self.node.verify(self.node.login_body(extra=1)), self.node.verify({"message": "m", "signature": "s"})]

    @breaks("siwe-nonce")
    def test_unknown_nonce(self):
        message = self.node.message({**self.node.nonce(), "nonce": "abcdefgh1234"})
        return self.node.verify(self.node.login_body(message=message, signature=self.node.wallet.sign_message(message)))

    @breaks("siwe-nonce-used")
    def test_nonce_used(self):
        body = self.node.login_body()
        self.assertEqual(self.node.verify(body).status, 200)
        return self.node.verify(body)

    @breaks("siwe-nonce-expired")
    def test_nonce_expired(self):
        self.settings(nonce_ttl_ms=0)
        return self.node.verify()

    @breaks("siwe-message")
    def test_message(self):
        answers = []
        for change in (lambda m: m + "\n", lambda m: m.replace("\n\nURI", "\n\n\nURI"), lambda m: m.replace("\n", "\r\n"),
                       lambda m: m.replace("Version: 1", "Version: 2"),
                       lambda m: m.replace(self.node.wallet.address, self.node.wallet.address.upper())):
            message = change(self.node.message())
            if "\r" in message:
                message = message.replace("\r\nNonce", "\nNonce").replace("\r\nIssued", "\nIssued")
            answers.append(self.node.verify(self.node.login_body(
                message=message, signature=self.node.wallet.sign_message(message))))
        return answers

    @breaks("siwe-signature-format")
    def test_signature_format(self):
        answers = []
        for change in (lambda s: s[2:], lambda s: s[:-2] + "00", lambda s: s + "00", lambda s: "0X" + s[2:]):
            body = self.node.login_body()
            answers.append(self.node.verify({**body, "signature": change(body["signature"])}))
        return answers

    @breaks("siwe-signature-low-s")
    def test_low_s(self):
        message = self.node.message()
        return self.node.verify(self.node.login_body(message=message,
                                                     signature=self.node.wallet.sign_message(message, high_s=True)))

    @breaks("siwe-signature")
    def test_signature(self):
        message = self.node.message()
        answers = [self.node.verify(self.node.login_body(message=message, signature=Wallet().sign_message(message)))]
        return answers + [self.node.verify(self.node.login_body(address=Wallet().address))]

    @breaks("login-before-registration")
    def test_unregistered(self):
        return Node(self.devnet).verify()

    @breaks("login-before-callback")
    def test_before_the_callback(self):
        self.settings(callback=0)
        node = Node(self.devnet)
        self.assertEqual(node.register().status, 200)
        return node.verify()

    def test_a_forgotten_node_gets_a_plain_403_and_may_register_again(self):
        self.devnet.admin("POST", "/nodes/forget")
        answer = self.node.verify()
        self.assertEqual((answer.status, answer.rule), (403, None))
        self.node.join()
        self.assertEqual(self.devnet.violations(), [])

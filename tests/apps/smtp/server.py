"""A real SMTP server that keeps what it receives, one JSON object a line.

    server.py PORT FILE [--starttls | --wrapped] [--cert PEM --key PEM] [--user U --password P]

Each line: the envelope's sender and recipients, the subject, the headers by name, the text and
the HTML part, whether the connection was encrypted, who logged in, and when the message came in
(seconds since the epoch). With `--starttls` nothing is taken before STARTTLS; with `--wrapped` the
connection is TLS from its first byte.
"""

import argparse
import asyncio
import json
import ssl
import time
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


class Keep:
    def __init__(self, path: str) -> None:
        self.path = path

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802, named by aiosmtpd
        message = message_from_bytes(envelope.original_content, policy=policy.default)
        parts = {
            kind: message.get_body(preferencelist=(kind,)) for kind in ("plain", "html")
        }
        login = session.auth_data
        line = {
            "received_at": time.time(),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": str(message["subject"]),
            "headers": {name: str(value) for name, value in message.items()},
            "text": parts["plain"].get_content() if parts["plain"] else None,
            "html": parts["html"].get_content() if parts["html"] else None,
            "encrypted": server.transport.get_extra_info("sslcontext") is not None,
            "login": login.login.decode() if login else None,
        }
        with open(self.path, "a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
        return "250 OK"


def accounts(user: str, password: str):
    """Takes one user with one password."""

    def authenticate(server, session, envelope, mechanism, data) -> AuthResult:
        known = LoginPassword(user.encode(), password.encode())
        return AuthResult(success=data == known, handled=False, auth_data=data)

    return authenticate


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("file")
    arguments.add_argument("--starttls", action="store_true")
    arguments.add_argument("--wrapped", action="store_true")
    arguments.add_argument("--cert")
    arguments.add_argument("--key")
    arguments.add_argument("--user")
    arguments.add_argument("--password")
    given = arguments.parse_args()

    options = {}
    if given.cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(given.cert, given.key)
        if given.wrapped:
            options["ssl_context"] = context
        if given.starttls:
            options["tls_context"] = context
            options["require_starttls"] = True
    if given.user:
        options["authenticator"] = accounts(given.user, given.password)
        options["auth_required"] = True
        options["auth_require_tls"] = given.starttls
    keep = Keep(given.file)
    controller = Controller(keep, hostname="127.0.0.1", port=given.port, **options)
    controller.start()
    print("listening", flush=True)
    asyncio.new_event_loop().run_forever()


if __name__ == "__main__":
    main()

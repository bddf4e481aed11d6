"""A real SMTP server that keeps what it receives, one JSON object a line.

    server.py PORT FILE

Each line: the envelope's sender and recipients, the subject, the headers by name, the text and
the HTML part, and when the message came in (seconds since the epoch).
"""

import asyncio
import json
import sys
import time
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller


class Keep:
    def __init__(self, path: str) -> None:
        self.path = path

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802, named by aiosmtpd
        message = message_from_bytes(envelope.original_content, policy=policy.default)
        parts = {
            kind: message.get_body(preferencelist=(kind,)) for kind in ("plain", "html")
        }
        line = {
            "received_at": time.time(),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": str(message["subject"]),
            "headers": {name: str(value) for name, value in message.items()},
            "text": parts["plain"].get_content() if parts["plain"] else None,
            "html": parts["html"].get_content() if parts["html"] else None,
        }
        with open(self.path, "a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
        return "250 OK"


def main() -> None:
    port, path = int(sys.argv[1]), sys.argv[2]
    controller = Controller(Keep(path), hostname="127.0.0.1", port=port)
    controller.start()
    print("listening", flush=True)
    asyncio.new_event_loop().run_forever()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Many sessions that do nothing for a while: ADDRESS PORT USER PASSWORD COUNT.

Each goes to the directory `a`, sets TYPE A or TYPE I and says RNFR or REST. Then "ready" is
printed. After a line on standard input each of them checks that nothing has come meanwhile and that
everything is as it was. Exit status 0 only if it is so for all.
"""

import asyncio
import re
import sys
import time


class Idler:
    def __init__(self, number: int) -> None:
        self.number = number
        # Every other one has a pending RNFR, the others a pending REST.
        self.renames = number % 2 == 0
        # pyftpdlib takes REST under TYPE I only.
        self.type = "A" if number % 4 == 0 else "I"
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def reply(self) -> str:
        line = await self.reader.readline()
        if not line:
            raise RuntimeError(f"session {self.number}: the connection has ended")
        text = line.decode()
        while line[3:4] == b"-" or not line[:3].isdigit():
            line = await self.reader.readline()
            text += line.decode()
        return text

    async def ask(self, command: str, *codes: int) -> str:
        self.writer.write(command.encode() + b"\r\n")
        reply = await self.reply()
        if int(reply[:3]) not in codes:
            raise RuntimeError(f"session {self.number}: {command} was answered with {reply}")
        return reply

    async def begin(self, address: str, port: int, user: str, password: str) -> None:
        self.reader, self.writer = await asyncio.open_connection(address, port)
        await self.reply()
        await self.ask(f"USER {user}", 331)
        await self.ask(f"PASS {password}", 230)
        await self.ask("CWD a", 250)
        await self.ask(f"TYPE {self.type}", 200)
        if self.renames:
            await self.ask(f"RNFR old-{self.number}", 350)
        else:
            await self.ask(f"REST {self.number}", 350)

    async def check(self, content: bytes) -> None:
        if self.renames:
            await self.ask(f"RNTO new-{self.number}", 250)
        else:
            reply = await self.ask("EPSV", 229)
            port = re.search(r"\|\|\|(\d+)\|", reply)
            assert port
            data, writer = await asyncio.open_connection(
                self.writer.get_extra_info("peername")[0], int(port[1])
            )
            await self.ask("RETR file", 125, 150)
            received = await data.read()
            writer.close()
            if received != content[self.number :]:
                raise RuntimeError(f"session {self.number}: {len(received)} other bytes came")
            reply = await self.reply()
            if not reply.startswith("226"):
                raise RuntimeError(f"session {self.number}: {reply}")
        if '/a"' not in await self.ask("PWD", 257):
            raise RuntimeError(f"session {self.number} is in another directory")
        # pyftpdlib tells no SIZE under TYPE A.
        await self.ask("SIZE file", 550 if self.type == "A" else 213)
        await self.ask("QUIT", 221)
        if await self.reader.read():
            raise RuntimeError(f"session {self.number}: something came behind QUIT")
        self.writer.close()


async def main() -> None:
    address, port, user, password, count = sys.argv[1:]
    idlers = [Idler(number) for number in range(int(count))]
    few = asyncio.Semaphore(20)

    async def begin(idler: Idler) -> None:
        async with few:
            await idler.begin(address, int(port), user, password)

    async def check(idler: Idler) -> None:
        async with few:
            await idler.check(content)

    await asyncio.gather(*map(begin, idlers))
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    content = bytes(number % 251 for number in range(5000))
    for idler in idlers:
        # What has come without a question is in the reader's buffer.
        unasked = bytes(idler.reader._buffer)  # type: ignore[attr-defined]
        if unasked or idler.reader.at_eof():
            raise RuntimeError(f"session {idler.number}: {unasked!r} came unasked")
    began = time.monotonic()
    await asyncio.gather(*map(check, idlers))
    print(f"checked in {time.monotonic() - began:.2f} s", flush=True)


asyncio.run(main())

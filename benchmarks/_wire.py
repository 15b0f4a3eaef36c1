"""What the sending benchmarks put at the other end of the wire, and beside us: Postfix's ``smtp-sink`` and
``smtp-source``, nodemailer, and a wire that takes its time."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Process
from pathlib import Path

FROM, TO = "a@kede.example", "b@thalassa.example"
_NODEMAILER = "nodemailer@7"
_SCRIPT = """
// Its small writes would wait 40 ms for the acknowledgement of the ones before: no fair peer.
const net = require('net');
const connect = net.connect;
net.connect = (...to) => connect.apply(net, to).setNoDelay(true);
const nodemailer = require('nodemailer');
const [port, count, html, text] = JSON.parse(process.argv[1]);
const pool = nodemailer.createTransport({
  host: '127.0.0.1', port, pool: true, maxConnections: 10, maxMessages: Infinity, ignoreTLS: true });
const mail = n => {
  const values = Array.from({ length: 10 }, (_, k) => `Δήμος ${n} ${k}`);
  const fill = body => body.replace(/\\\\{(\\\\d)\\\\}/g, (_, k) => values[k]);
  return pool.sendMail({ from: 'Δίκτυο Δήμων <a@kede.example>', to: `b${n}@thalassa${n}.example`,
    subject: `Δήμος Αγίας Θάλασσας ${n}`, text: fill(text), html: fill(html) });
};
(async () => {
  await mail(0);
  const start = process.hrtime.bigint();
  const all = [];
  for (let n = 1; n <= count; n++) {
    all.push(mail(n));
    if (all.length >= 200) await Promise.all(all.splice(0));
  }
  await Promise.all(all);
  console.log(Number(process.hrtime.bigint() - start) / 1e9);
  pool.close();
})();
"""


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/libexec/postfix")
    if found is None:
        sys.exit(f"{name} is not here: it comes with Postfix (sh .ci/packages postfix).")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


@contextmanager
def sink(*, pipelining: bool = True) -> Iterator[int]:
    """A running ``smtp-sink``; gives its port."""
    port = free_port()
    options = [] if pipelining else ["-p"]
    # As root it wants to become somebody else.
    process = subprocess.Popen(
        [program("smtp-sink"), *options, "-u", "nobody", f"127.0.0.1:{port}", "200"],
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def source(port: int, size: int, count: int, connections: int = 10, to: str = TO) -> float:
    """Messages a second of ``smtp-source``, which sends fixed bytes over kept connections."""
    command = [program("smtp-source"), "-d", "-s", str(connections), "-l", str(size), "-m", str(count)]
    start = time.perf_counter()
    subprocess.run([*command, "-f", FROM, "-t", to, f"127.0.0.1:{port}"], check=True)
    return count / (time.perf_counter() - start)


def nodemailer(port: int, count: int, html: str, text: str) -> float | None:
    """Messages a second of nodemailer (npm), which builds each with ten values and sends over a pool of ten
    connections; ``None`` where there is no npm."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return None
    folder = Path(tempfile.gettempdir()) / "outreach-benchmark-nodemailer"
    if not (folder / "node_modules" / "nodemailer").is_dir():
        folder.mkdir(exist_ok=True)
        install = [
            npm,
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--prefix",
            str(folder),
            _NODEMAILER,
        ]
        if subprocess.run(install, check=False, capture_output=True).returncode:
            return None
    done = subprocess.run(
        [node, "-e", _SCRIPT, json.dumps([port, count, html, text])],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return count / float(done.stdout)


@contextmanager
def far(port: int, milliseconds: float) -> Iterator[int]:
    """``port`` as from far away: a round trip takes so long. Gives the port to use instead."""
    mine = free_port()
    process = Process(target=_delay, args=(mine, port, milliseconds / 2_000), daemon=True)
    process.start()
    try:
        wait_for(mine)
        yield mine
    finally:
        process.terminate()
        process.join()


def _delay(mine: int, port: int, seconds: float) -> None:
    async def flow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(1 << 18):
            loop.call_later(seconds, writer.write, data)
        loop.call_later(seconds, writer.close)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(flow(reader, back), flow(there, writer))

    async def serve() -> None:
        server = await asyncio.start_server(accept, "127.0.0.1", mine)
        await server.serve_forever()

    asyncio.run(serve())

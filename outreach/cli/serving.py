"""`outreach serve`."""

from __future__ import annotations

import typer

from outreach import clock
from outreach.cli.shell import say, shell


def serve(
    context: typer.Context,
    host: str = typer.Option("127.0.0.1", "--host", help="Where to listen; the web server is in front."),
    port: int = typer.Option(8025, "--port", min=1, max=65535, help="The port there."),
) -> None:
    """Serve the pages behind the answer links and the one-click opt-out (RFC 8058), until Ctrl-C or SIGTERM.

    For senders with `answer_url` in outreach.toml. It speaks plain HTTP to the web server in front of it, which
    has the certificate: docs/howto/answer-on-a-page.md.
    """
    import socket

    import uvicorn

    from outreach.errors import RefusedError, SettingsError
    from outreach.web.app import application

    here = shell(context)
    with here.database(everything=True) as database, socket.socket() as listener:
        addresses = sorted(
            {sender.answer_url for sender in here.workspace.settings.senders.values() if sender.answer_url}
        )
        if not addresses:
            raise SettingsError(
                "No sender in outreach.toml has an answer_url, so that no mail leads to these pages.",
                'Give one its address, as answer_url = "https://answers.association.example".',
            )
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise RefusedError(
                f"{host}:{port} cannot be listened at: {error.strerror}.", "Choose another with --port."
            ) from error
        say(f"Answers to {', '.join(addresses)} are taken at http://{host}:{port}. Ctrl-C ends it.")
        app = application(here.workspace, database, clock.now)
        # An access log would hold tokens.
        settings = uvicorn.Config(
            app, access_log=False, log_level="warning", limit_concurrency=200, server_header=False, workers=1
        )
        uvicorn.Server(settings).run(sockets=[listener])

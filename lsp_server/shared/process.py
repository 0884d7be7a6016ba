"""The process that all editors of a user share, from its start to the moment when it serves.

Takes the place of its name, or ends again where another has it: that decides between editors that start at
the same time, so it comes before all imports that take time. What is served then, `service` knows.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from lsp_server.shared.rendezvous import Place, claim, private_folder

if TYPE_CHECKING:
    from lsp_server.shared.models import SharedModels


def main(name: str, make_models: Callable[[], SharedModels] | None = None) -> int:
    """Take the place of that name and serve there until idle; the exit status.

    Says on standard output whether it listens ("listening") or another does ("held"); where it fails, why on
    standard error. From then on both are its log, a file of bounded size in the cache folder.
    """
    if os.fork():
        os._exit(0)  # nobody's child: an editor that ends its server with all children ends no other's
    place = Place(private_folder(os.environ), name)
    if (claimed := claim(place)) is None:
        os.write(1, b"held")
        return 0
    listener, lock = claimed  # who connects from now on waits until the imports are done

    import asyncio
    import logging

    from lsp_server.cli import set_up_process
    from lsp_server.shared.client_log import ToClients
    from lsp_server.shared.models import SharedModels
    from lsp_server.shared.service import Service, log_path

    service = Service(place, lock, (make_models or SharedModels)())
    path = log_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(1, b"listening")
    os.dup2(log, 1)
    os.dup2(log, 2)
    logging.basicConfig(format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")
    logging.getLogger().addHandler(ToClients())
    logging.getLogger("lsp_server.shared").setLevel(logging.INFO)
    set_up_process()
    asyncio.run(service.run(listener))
    logging.shutdown()
    os._exit(0)  # no thread that still reads a disk for a client that has gone holds the end up


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))

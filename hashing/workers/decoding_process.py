"""The process in which a web process has its files decoded: it answers one request after the other, within limits.

Run by `hashing.workers.decoder` with pipes for the requests and the answers. It ends when the requests end, which they
also do when the web process dies.
"""

from __future__ import annotations

import math
import os
import pickle
import signal
import warnings
from typing import BinaryIO

from PIL import Image

from hashing.fingerprint.compute import fingerprint_of_image
from hashing.fingerprint.limits import DecodingLimit
from hashing.fingerprint.opening import known_formats
from hashing.workers.decoder import Answer, Request
from hashing.workers.memory import limit_memory, out_of_memory, used_memory

# The web process ends this one at the deadline. This is for its own death.
SECONDS_OF_GRACE = 5
# What stays in memory after a picture is not counted again for the next one, up to this.
MAX_CACHES = 64 << 20


def serve() -> None:
    requests, answers = take_standard_streams()
    warnings.simplefilter("ignore")
    # Some decoders of Pillow compare with this limit, whatever the limits of a request are.
    Image.MAX_IMAGE_PIXELS = None
    # What is loaded or allocated at the first use counts as memory of the process, not of a picture.
    known_formats()
    fingerprint_of_image(Image.new("RGBA", (300, 300)))
    at_start = used_memory()
    send(Answer(), answers)
    while True:
        try:
            request: Request = pickle.load(requests)  # noqa: S301 - written by the web process
        except EOFError:
            return
        send(answer(request, min(used_memory(), at_start + MAX_CACHES)), answers)


def send(result: Answer, answers: BinaryIO) -> None:
    pickle.dump(result, answers)
    answers.flush()


def take_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Return files for the pipes of this process, and redirect its own streams, to which libraries write."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return requests, answers


def answer(request: Request, used: int) -> Answer:
    limit_time(request.limits.seconds)
    limit_memory(request.limits.max_memory, used)
    try:
        return Answer(request.function(*request.arguments))
    except MemoryError:
        return Answer(error=DecodingLimit(out_of_memory(request.limits.max_memory)))
    except Exception as error:
        return Answer(error=transferable(error))
    finally:
        limit_memory(None, 0)
        limit_time(0)


def transferable(error: Exception) -> Exception:
    """Return the error, or one with its text if it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301
    except Exception:
        return ValueError(str(error) or type(error).__name__)
    return error


def limit_time(seconds: float) -> None:
    """End this process after the deadline, with whatever it runs then. 0 ends the limit."""
    if hasattr(signal, "alarm"):
        signal.alarm(math.ceil(seconds + SECONDS_OF_GRACE) if seconds else 0)

"""What librdkafka does when nobody tells it: the defaults of the client that is installed here."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

from dsviz.errors import DsvizError

#: librdkafka keeps the options of topics apart from all others.
KINDS = ("rd_kafka_conf", "rd_kafka_topic_conf")


def default(name: str) -> str:
    """Return the value of an option that nobody set, from librdkafka itself.

    confluent-kafka has no call for it, so librdkafka's own (rd_kafka_conf_get) is called. Raises
    DsvizError for an option that it does not have.
    """
    library = _library()
    for kind in KINDS:
        conf = getattr(library, f"{kind}_new")()
        text, size = ctypes.create_string_buffer(4096), ctypes.c_size_t(4096)
        code = getattr(library, f"{kind}_get")(conf, name.encode(), text, ctypes.byref(size))
        getattr(library, f"{kind}_destroy")(conf)
        if code == 0:
            return text.value.decode()
    raise DsvizError(f"librdkafka has no option {name!r}; see its CONFIGURATION.md")


@functools.cache
def _library() -> Any:
    """Return the librdkafka that confluent-kafka has loaded into this process."""
    import confluent_kafka.cimpl

    library = ctypes.CDLL(confluent_kafka.cimpl.__file__)
    words = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p]
    for kind in KINDS:
        getattr(library, f"{kind}_new").restype = ctypes.c_void_p
        getattr(library, f"{kind}_destroy").argtypes = [ctypes.c_void_p]
        getattr(library, f"{kind}_get").argtypes = words
    return library

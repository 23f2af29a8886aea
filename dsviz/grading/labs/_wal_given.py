import struct
import zlib

ACCOUNTS, EACH, PAGE = "ABCDEFGH", 125, 8192


def pack_page(lsn, balance, transfers):
    """A page as it stands on the disk: the LSN at its beginning, the rest at its end."""
    return struct.pack("<Q", lsn).ljust(PAGE - 16, b"\0") + struct.pack("<qQ", balance, transfers)


def unpack_page(data):
    """(lsn, balance, transfers) of a page."""
    return struct.unpack_from("<Q", data) + struct.unpack_from("<qQ", data, PAGE - 16)


def pack_record(lsn, durable, source, target, amount, images):
    """A transfer as bytes. durable: how far the log is on disk; images: {account: page}."""
    names = source.encode(), target.encode()
    head = struct.pack("<QQccIB", lsn, durable, *names, amount, len(images))
    return head + b"".join(name.encode() + page for name, page in images.items())


def unpack_record(body):
    """(lsn, durable, source, target, amount, images) of a record."""
    lsn, durable, source, target, amount, count = struct.unpack_from("<QQccIB", body)
    images, at = {}, 23
    for _ in range(count):
        images[body[at : at + 1].decode()] = body[at + 1 : at + 1 + PAGE]
        at += 1 + PAGE
    return lsn, durable, source.decode(), target.decode(), amount, images


class Corrupt(Exception):
    """The log was durable, and is damaged: better not to start than to start wrong."""

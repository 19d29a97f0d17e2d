"""Writes GGUF files with nothing but the standard library."""

import array
import struct
import sys
import typing

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
LETTERS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q", F64: "d"}
ALIGNMENT = 32


class Typed(typing.NamedTuple):
    """A metadata value whose type, that of its items for a list, is not the one that Python's tells."""
    kind: int
    value: object


def _string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _item(kind, value):
    return _string(value) if kind == STRING else struct.pack("<" + LETTERS[kind], value)


def _value(value):
    """Type number and bytes of a metadata value."""
    kind, value = value if isinstance(value, Typed) else (None, value)
    if isinstance(value, list):
        kind = {str: STRING, int: I32, float: F32}[type(value[0])] if kind is None else kind
        return ARRAY, struct.pack("<IQ", kind, len(value)) + b"".join(_item(kind, v) for v in value)
    kind = {bool: BOOL, int: U32, float: F32, str: STRING}[type(value)] if kind is None else kind
    return kind, _item(kind, value)


def _floats(values):
    numbers = array.array("f", values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def gguf_bytes(metadata, tensors, version=3):
    """The file with `metadata` {key: value} and `tensors` {name: (shape, values)}, the first dimension running fastest.

    The values of a tensor are floats, or its bytes in another type: (shape, bytes, type number)."""
    out = [b"GGUF", struct.pack("<IQQ", version, len(tensors), len(metadata))]
    for key, value in metadata.items():
        kind, data = _value(value)
        out.append(_string(key) + struct.pack("<I", kind) + data)
    offset, blocks = 0, []
    for name, (shape, values, *kind) in tensors.items():
        data = values if kind else _floats(values)
        data += bytes(-len(data) % ALIGNMENT)
        out.append(_string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
                   + struct.pack("<IQ", *(kind or [0]), offset))
        offset += len(data)
        blocks.append(data)
    head = b"".join(out)
    return head + bytes(-len(head) % ALIGNMENT) + b"".join(blocks)

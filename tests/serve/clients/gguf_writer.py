"""Writes GGUF files (version 3, float32) with nothing but the standard library."""

import array
import struct
import sys

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
ALIGNMENT = 32



def _string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value):
    """Type number and bytes of a metadata value."""
    if isinstance(value, bool):
        return BOOL, struct.pack("<B", value)
    if isinstance(value, int):
        return U32, struct.pack("<I", value)
    if isinstance(value, float):
        return F32, struct.pack("<f", value)
    if isinstance(value, str):
        return STRING, _string(value)
    if isinstance(value, list):
        first = value[0]
        head = {str: STRING, int: I32, float: F32}[type(first)]
        body = {STRING: lambda v: _string(v), I32: lambda v: struct.pack("<i", v),
                F32: lambda v: struct.pack("<f", v)}[head]
        return ARRAY, struct.pack("<IQ", head, len(value)) + b"".join(map(body, value))
    raise TypeError(f"no GGUF type for {type(value)}")


def _floats(values):
    numbers = array.array("f", values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def gguf_bytes(metadata, tensors):
    """The file with `metadata` {key: value} and `tensors` {name: (shape, values)}, the first dimension running fastest."""
    out = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    for key, value in metadata.items():
        kind, data = _value(value)
        out.append(_string(key) + struct.pack("<I", kind) + data)
    offset, blocks = 0, []
    for name, (shape, values) in tensors.items():
        data = _floats(values)
        data += bytes(-len(data) % ALIGNMENT)
        out.append(_string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
                   + struct.pack("<IQ", 0, offset))
        offset += len(data)
        blocks.append(data)
    head = b"".join(out)
    return head + bytes(-len(head) % ALIGNMENT) + b"".join(blocks)

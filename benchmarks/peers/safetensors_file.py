"""Reads and writes safetensors with NumPy alone, for the dtypes that the benchmarks and numerics checks use."""
import json
import struct

import numpy

BF16 = numpy.dtype([("bits", numpy.uint16)])  # NumPy has none of its own
DTYPES = {"BF16": BF16, "F16": numpy.float16, "F32": numpy.float32, "F64": numpy.float64, "I64": numpy.int64, "I32": numpy.int32, "U8": numpy.uint8, "BOOL": numpy.bool_}
NAMES = {numpy.dtype(v): k for k, v in DTYPES.items()}


def to_bf16(array):
    """Rounds to nearest, ties to even."""
    bits = numpy.atleast_1d(numpy.asarray(array, numpy.float32)).view(numpy.uint32).astype(numpy.uint64)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1) >> 16).astype(numpy.uint16)
    return numpy.where(numpy.isnan(numpy.atleast_1d(array)), numpy.uint16(0x7FC0), rounded).astype(numpy.uint16).reshape(numpy.shape(array)).view(BF16)


def from_bf16(array):
    bits = numpy.asarray(array.view(numpy.uint16).astype(numpy.uint32) << 16)
    return bits.view(numpy.float32).reshape(array.shape)


def load(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    arrays = {}
    for name, info in header.items():
        begin, end = info["data_offsets"]
        arrays[name] = numpy.frombuffer(data[begin:end], DTYPES[info["dtype"]]).reshape(info["shape"]).copy()
    return arrays


def save(arrays, path, metadata=None):
    header, chunks, offset = {}, [], 0
    if metadata:
        header["__metadata__"] = metadata
    # widest elements first, so that all are aligned
    for name, array in sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])):
        chunk = numpy.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [offset, offset + len(chunk)]}
        chunks.append(chunk)
        offset += len(chunk)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(chunks)

"""A remote write 1.0 request made by hand: series in, the body of a POST out."""
import struct


def varint(n):
    n &= 2 ** 64 - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def snappy(raw):
    """literals only"""
    out = varint(len(raw))
    for i in range(0, len(raw), 65536):
        part = raw[i:i + 65536]
        out += bytes([61 << 2]) + struct.pack('<H', len(part) - 1) + part
    return out


def write_body(series):
    """series: [(labels as a dict, [(ts in ms, value)])]"""
    raw = b''
    for labels, samples in series:
        one = b''.join(field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in sorted(labels.items()))
        for ts, value in samples:
            one += field(2, b'\x09' + struct.pack('<d', value) + b'\x10' + varint(ts))
        raw += field(1, one)
    return snappy(raw)


HEADERS = {'Content-Type': 'application/x-protobuf', 'Content-Encoding': 'snappy'}

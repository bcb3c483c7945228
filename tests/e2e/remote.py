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


def put_labels(labels):
    return b''.join(field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in sorted(labels.items()))


def write_body(series, exemplars=()):
    """series: [(labels as a dict, [(ts in ms, value)])]; exemplars: [(labels, its own labels, ts in ms, value)]"""
    raw = b''
    for labels, own, ts, value in exemplars:
        exemplar = put_labels(own) + b'\x11' + struct.pack('<d', value) + b'\x18' + varint(ts)
        raw += field(1, put_labels(labels) + field(3, exemplar))
    for labels, samples in series:
        one = put_labels(labels)
        for ts, value in samples:
            one += field(2, b'\x09' + struct.pack('<d', value) + b'\x10' + varint(ts))
        raw += field(1, one)
    return snappy(raw)


HEADERS = {'Content-Type': 'application/x-protobuf', 'Content-Encoding': 'snappy'}


def unsnappy(block):
    """a whole block; copies and literals"""
    n, at = read_varint(block, 0)
    out = bytearray()
    while at < len(block):
        tag = block[at]
        at += 1
        if tag & 3 == 0:
            size = tag >> 2
            if size >= 60:
                width = size - 59
                size = int.from_bytes(block[at:at + width], 'little')
                at += width
            out += block[at:at + size + 1]
            at += size + 1
            continue
        if tag & 3 == 1:
            size, offset = (tag >> 2 & 7) + 4, tag >> 5 << 8 | block[at]
            at += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            size, offset = (tag >> 2) + 1, int.from_bytes(block[at:at + width], 'little')
            at += width
        for _ in range(size):
            out.append(out[-offset])
    assert len(out) == n, (len(out), n)
    return bytes(out)


def read_varint(data, at):
    v = shift = 0
    while True:
        byte = data[at]
        at += 1
        v |= (byte & 127) << shift
        if byte < 128:
            return v, at
        shift += 7


def fields(message):
    """[(number, value or bytes)]"""
    out, at = [], 0
    while at < len(message):
        tag, at = read_varint(message, at)
        if tag & 7 == 0:
            v, at = read_varint(message, at)
        elif tag & 7 == 1:
            v, at = message[at:at + 8], at + 8
        else:
            n, at = read_varint(message, at)
            v, at = message[at:at + n], at + n
        out.append((tag >> 3, v))
    return out


def signed(v):
    return v - 2 ** 64 if v >> 63 else v


EQ, NE, RE, NRE = range(4)
SAMPLES, CHUNKS = 0, 1


def read_body(queries, types=()):
    """queries: [(start, end, [(type, name, value)])]"""
    raw = b''
    for start, end, matchers in queries:
        one = b'\x08' + varint(start) + b'\x10' + varint(end)
        for kind, name, value in matchers:
            one += field(3, b'\x08' + varint(kind) + field(2, name.encode()) + field(3, value.encode()))
        raw += field(1, one)
    return snappy(raw + b''.join(b'\x10' + varint(t) for t in types))


def labels_of(series):
    out = {}
    for number, v in fields(series):
        if number == 1:
            label = dict(fields(v))
            out[label[1].decode()] = label[2].decode()
    return out


def read_samples(answer):
    """[{series as a sorted tuple of labels: [(ts, value)]}] a query"""
    results = []
    for _, result in fields(unsnappy(answer)):
        one = {}
        for _, series in fields(result):
            samples = [dict(fields(v)) for number, v in fields(series) if number == 2]
            one[tuple(sorted(labels_of(series).items()))] = [
                (signed(s.get(2, 0)), struct.unpack('<d', s.get(1, bytes(8)))[0]) for s in samples]
        results.append(one)
    return results


class Bits:
    def __init__(self, data):
        self.text, self.at = ''.join('{:08b}'.format(b) for b in data), 0

    def take(self, n):
        self.at += n
        return int(self.text[self.at - n:self.at], 2)

    def varint(self):
        v = shift = 0
        while True:
            byte = self.take(8)
            v |= (byte & 127) << shift
            if byte < 128:
                return v
            shift += 7


def read_xor(chunk):
    """[(ts, value)] of Prometheus' XOR encoding"""
    b = Bits(chunk)
    out, delta, leading, width = [], 0, 0, 0
    for i in range(b.take(16)):
        if i == 0:
            zigzag = b.varint()
            ts, value = zigzag >> 1 ^ -(zigzag & 1), b.take(64)
        else:
            if i == 1:
                delta = b.varint()
            else:
                ones = 0
                while ones < 4 and b.take(1):
                    ones += 1
                if ones:
                    n = [0, 14, 17, 20, 64][ones]
                    change = b.take(n)
                    delta += change - (1 << n) if change > 1 << n - 1 else change
            ts += delta
            if b.take(1):
                if b.take(1):
                    leading, width = b.take(5), b.take(6) or 64
                value ^= b.take(width) << 64 - leading - width
        out.append((ts, struct.unpack('>d', struct.pack('>Q', value))[0]))
    return out


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def read_chunks(answer):
    """{query: {series: [(ts, value)]}} of a stream of frames"""
    out, at = {}, 0
    while at < len(answer):
        n, at = read_varint(answer, at)
        crc, message = struct.unpack('>I', answer[at:at + 4])[0], answer[at + 4:at + 4 + n]
        assert crc == crc32c(message)
        at += 4 + n
        frame = fields(message)
        query = dict(frame).get(2, 0)
        for number, series in frame:
            if number == 1:
                key = tuple(sorted(labels_of(series).items()))
                for kind, chunk in fields(series):
                    if kind == 2:
                        chunk = dict(fields(chunk))
                        samples = read_xor(chunk[4])
                        assert (samples[0][0], samples[-1][0]) == (signed(chunk[1]), signed(chunk[2])) and chunk[3] == 1
                        out.setdefault(query, {}).setdefault(key, []).extend(samples)
    return out

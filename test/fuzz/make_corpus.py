#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors

"""Write the seed corpora of the fuzzers: one small file for each thing that a device may do.

    make_corpus.py [DIRECTORY]        default: corpus beside this file

The format is described in fuzz_request.h; descriptors are those of VT-d 7.4.1.1 in "request", and
those of SMMUv3, chapters 7.3 and 8, in "request_smmuv3"; "request_riscv" has records of the queues
of the RISC-V IOMMU. Inputs in "dmar" are firmware's tables as they are (VT-d 8.1 to 8.3). Those in
"iommufd" are messages of a fault queue, with the orders of fuzz_iommufd.c.
"""

import os
import random
import struct
import sys

REQUEST, DISCARD, PURGE, SIFT = 0x01, 0xFE, 0xFD, 0xFC
R, W, L = 1, 2, 4
RESERVED = (54, 64)


def head(parked_max=16, group_max=16, width=1, seed=1):
    """Groups of 1 + group_max modulo (parked_max + 1) at most; width 0, 1, 2: 39, 48, 57 bits."""
    return struct.pack("<BBBxxxxxQ16x", parked_max & 0xFF, group_max, width, seed)


def desc(page=0, flags=R, index=0, pasid=None, rid=0, kind=REQUEST, w0=0, w1=0, tail=(0, 0)):
    low = kind | rid << 16 | w0
    if pasid is not None:
        low |= 1 << 8 | pasid << 32
    high = flags | index << 3 | page << 12 | w1
    return struct.pack("<4Q", low, high & (2**64 - 1), *tail)


def group(pages, index=0, pasid=None, rid=0, flags=R):
    pages = list(pages)
    return [desc(p, flags | (L if i + 1 == len(pages) else 0), index, pasid, rid)
            for i, p in enumerate(pages)]


def interleave(*groups):
    return [d for step in zip(*groups) for d in step]


def storm(seed, count, parked_max, pasids, indices):
    """Everything at once, the same each time."""
    rng = random.Random(seed)
    out = [head(parked_max, parked_max, seed % 3, seed)]
    for _ in range(count):
        dice = rng.randrange(100)
        pasid = rng.choice([None] + list(range(pasids)))
        index, rid = rng.randrange(indices), rng.randrange(5)
        if dice < 2:
            out.append(desc(kind=DISCARD))
        elif dice < 5:
            out.append(desc(kind=PURGE, pasid=pasid, rid=rid))
        elif dice < 10:
            out.append(desc(flags=L, pasid=0, index=index, rid=rid))
        elif dice < 15:
            out.append(desc(1, R, index, pasid, rid, w0=1 << rng.randrange(*RESERVED)))
        else:
            flags = rng.choice([R, W, R | W]) | (L if rng.randrange(3) == 0 else 0)
            out.append(desc(rng.randrange(1 << 20), flags, index, pasid, rid))
    return out


def corpus():
    top = (1 << 52) - 1
    yield "empty-head", [head()]
    yield "single-read", [head(), desc(1, R | L, 1, 5)]
    yield "single-write", [head(), desc(2, W | L, 511, 0xFFFFF, 3)]
    yield "single-read-write-no-pasid", [head(), desc(3, R | W | L, 256)]
    yield "group-of-2", [head()] + group([1, 2], 7, 9)
    yield "group-of-8", [head()] + group(range(10, 18), 8, 9, 1, R | W)
    yield "group-of-17-fills-parking", [head(16, 16)] + group(range(17), 3, 1)
    yield "groups-one-after-another", [head()] + group([1, 2, 3], 1, 4) + group([4, 5], 1, 4)
    yield "same-index-two-pasids", [head()] + interleave(
        group([1, 2, 3], 5, 10), group([11, 12, 13], 5, 11))
    yield "same-index-pasid-and-none", [head()] + interleave(
        group([1, 2, 3], 5, 0), group([11, 12, 13], 5, None))
    yield "same-pasid-four-indices", [head()] + interleave(
        *[group([i * 8, i * 8 + 1, i * 8 + 2], i * 170, 3) for i in range(4)])
    yield "same-key-four-endpoints", [head()] + interleave(
        *[group([1, 2, 3, 4], 5, 10, rid) for rid in range(4)])
    yield "duplicate-pages", [head()] + group([6, 6, 6], 2, 2)
    yield "repeated-last", [head()] + [desc(1, R, 4, 4)] + 3 * [desc(2, R | L, 4, 4)]
    yield "stop-marker", [head(), desc(0, L, 0, 77), desc(top, L, 511, 77)]
    yield "stop-marker-inside-group", [head(), desc(1, R, 2, 77), desc(0, L, 2, 77),
                                       desc(2, R | L, 2, 77)]
    yield "no-access-without-pasid", [head(), desc(1, L, 1), desc(1, 0, 1), desc(1, 0, 1, 3)]
    yield "reserved-bits-word-0", [head()] + [
        desc(1, R | L, 1, 5, w0=1 << b) for b in list(range(9, 16)) + list(range(54, 64))]
    yield "reserved-bits-not-last", [head(), desc(1, R, 1, 5), desc(2, R, 1, 5, w0=1 << 63),
                                     desc(3, R | L, 1, 5)]
    yield "reserved-last-ends-group", [head(), desc(1, R, 1, 5), desc(2, R | L, 1, 5, w0=1 << 15),
                                       desc(3, R | L, 1, 5)]
    yield "words-2-and-3-garbage", [head(), desc(1, R | L, 1, 5, tail=(2**64 - 1, 0xDEADBEEF))]
    yield "unknown-types", [head()] + [desc(1, R | L, 1, 5, kind=k) for k in (0, 2, 3, 0x11, 0xFF)]
    yield "unknown-endpoint", [head(), desc(1, R, 1, 5, 4), desc(2, R | L, 1, 5, 0xFFFF)]
    yield "execute-and-privileged", [head()] + [
        desc(1, f | L, 1, p, w0=b) for f in (R, W) for p in (None, 5) for b in (1 << 52, 1 << 53)]
    for width, bits in enumerate((39, 48, 57)):
        low, high = (1 << (bits - 13)), top - (1 << (bits - 13)) + 1
        yield "canonical-%d-bits" % bits, [head(width=width)] + [
            desc(p & top, R | L, 1, 5) for p in (0, low - 1, low, high - 1, high, top)]
    yield "all-zeros", [head(), bytes(96)]
    yield "all-ones", [head(), b"\xff" * 96]
    yield "cut-short", [head(), desc(1, R | L, 1, 5), desc(2, R | L, 1, 5)[:31]]
    yield "parking-overflow", [head(4, 4)] + [desc(p, R, p, 5) for p in range(8)] + [
        desc(p + 100, R | L, p, 5) for p in range(8)]
    yield "parking-overflow-of-one-group", [head(2, 2)] + group(range(6), 1, 5) + group([9], 1, 5)
    yield "losses-beyond-memory", [head(1, 1)] + [desc(1, R, 7, p) for p in range(6)] + [
        desc(2, R | L, 7, p) for p in range(6)]
    yield "group-longer-than-allowed", [head(16, 2)] + group(range(9), 1, 5) + group([1, 2], 1, 5)
    yield "group-max-1", [head(16, 0)] + group([1, 2], 1, 5) + group([1], 1, 5)
    yield "discard-inside-groups", [head(4, 4)] + [desc(p, R, p, 5, p % 4) for p in range(12)] + [
        desc(kind=DISCARD)] + [desc(p, R | L, p, 5, p % 4) for p in range(12)]
    yield "purge-one-pasid", [head()] + [desc(1, R, 1, p) for p in (None, 0, 1, 2)] + [
        desc(kind=PURGE, pasid=1)] + [desc(2, R | L, 1, p) for p in (None, 0, 1, 2)] + [
        desc(1, R, 1), desc(kind=PURGE), desc(2, R | L, 1)]
    yield "purge-every-fourth-pasid", [head()] + [
        desc(i, R, 1, p, 2) for p in (None, 0, 1, 4, 5, 9) for i in (1, 2)] + [
        desc(kind=SIFT, pasid=1, rid=2)] + [desc(3, R | L, 1, p, 2) for p in (None, 0, 1, 4, 5)] + [
        desc(1, R, 1, None, 2), desc(kind=SIFT, rid=2), desc(3, R | L, 1, None, 2)]
    yield "storm-tight", storm(1, 100, 3, 3, 2)
    yield "storm-wide", storm(2, 150, 64, 8, 512)


def pri(page=0, flags=R, index=0, pasid=None, rid=0, kind=REQUEST, w0=0, w1=0, tail=None):
    """The same request as desc() makes, as an entry of SMMUv3's PRI queue."""
    low = rid | flags << 60 | w0
    if kind in (DISCARD, PURGE, SIFT):
        low = kind | rid << 8
    if pasid is not None:
        low |= 1 << 63 | pasid << 32
    return struct.pack("<2Q", low, (index | page << 12 | w1) & (2**64 - 1))


def event(kind, sid=0, pasid=None, stag=0, address=0, w1=0):
    low = kind | sid << 32
    if pasid is not None:
        low |= 1 << 11 | pasid << 12
    return struct.pack("<4Q", low, stag | w1, address, 0)


EVENTS = bytes([16, 16, 0, 1]) + bytes(28)


def shared():
    """Histories that do not depend on where reserved bits are, or how long an entry is."""
    yield from ((name, parts) for name, parts in corpus() if name not in (
        "reserved-bits-word-0", "reserved-bits-not-last", "reserved-last-ends-group",
        "words-2-and-3-garbage", "unknown-types", "execute-and-privileged", "cut-short"))


def smmuv3():
    top = (1 << 52) - 1
    events = EVENTS
    yield from shared()
    yield "reserved-bits", [head()] + [
        desc(1, R | L, 1, 5, w0=1 << b) for b in range(52, 58)] + [
        desc(1, R | L, 1, 5, w1=1 << b) for b in range(9, 12)]
    yield "reserved-bits-not-last", [head(), desc(1, R, 1, 5), desc(2, R, 1, 5, w0=1 << 52),
                                     desc(3, R | L, 1, 5)]
    yield "reserved-last-ends-group", [head(), desc(1, R, 1, 5), desc(2, R | L, 1, 5, w1=1 << 9),
                                       desc(3, R | L, 1, 5)]
    yield "substream-without-ssv", [head(), desc(1, R | L, 1, w0=0xABCDE << 32)]
    yield "wide-stream-ids", [head()] + [desc(1, R | L, 1, 5, 1 << b) for b in range(20, 32)]
    yield "execute-and-privileged", [head()] + [
        desc(1, f | L, 1, p, w0=b) for f in (R, W) for p in (None, 5) for b in (1 << 58, 1 << 59)]
    yield "cut-short", [head(), desc(1, R | L, 1, 5), desc(2, R | L, 1, 5)[:15]]
    yield "events-of-each-kind", [events] + [
        event(kind, 3, 5, 7, top << 12, stall) for kind in range(0x26) for stall in (0, 1 << 31)]
    yield "stalls", [events] + [
        event(kind, 0xFFFFFF, pasid, 0xFFFF, 0x123456789ABC, 1 << 31 | access << 33)
        for kind in range(0x10, 0x14) for pasid in (None, 0, 0xFFFFF) for access in range(8)]
    yield "stalls-of-stage-2", [events, event(0x10, 1, 1, 1, 0x1000, 1 << 31 | 1 << 39)]
    yield "events-all-ones", [events, b"\xff" * 96]
    yield "events-cut-short", [events, event(0x10, 1, 1, 1, 0x1000, 1 << 31)[:31]]


def pq(page=0, flags=R, index=0, pasid=None, rid=0, kind=REQUEST, w0=0, w1=0, tail=None):
    """The same request, as a record of the RISC-V page-request queue."""
    low = rid << 40 | w0
    if kind in (DISCARD, PURGE, SIFT):
        low |= kind
    if pasid is not None:
        low |= 1 << 32 | pasid << 12
    return struct.pack("<2Q", low, (flags | index << 3 | page << 12 | w1) & (2**64 - 1))


def fault(cause, ttyp, did=0, pasid=None, iotval=0, w0=0):
    low = cause | ttyp << 34 | did << 40 | w0
    if pasid is not None:
        low |= 1 << 32 | pasid << 12
    return struct.pack("<4Q", low, 0, iotval, 0)


def riscv():
    yield from shared()
    yield "reserved-bits", [head()] + [
        desc(1, R | L, 1, 5, w0=1 << b) for b in list(range(1, 12)) + list(range(35, 40))]
    yield "reserved-bits-not-last", [head(), desc(1, R, 1, 5), desc(2, R, 1, 5, w0=1 << 35),
                                     desc(3, R | L, 1, 5)]
    yield "reserved-last-ends-group", [head(), desc(1, R, 1, 5), desc(2, R | L, 1, 5, w0=1 << 11),
                                       desc(3, R | L, 1, 5)]
    yield "process-without-pv", [head(), desc(1, R | L, 1, w0=0xABCDE << 12)]
    yield "segments", [head()] + [desc(1, R | L, 1, 5, 1 << b) for b in range(12, 24)]
    yield "execute-and-privileged", [head()] + [
        desc(1, f | L, 1, p, w0=b) for f in (R, W) for p in (None, 5) for b in (1 << 33, 1 << 34)]
    yield "cut-short", [head(), desc(1, R | L, 1, 5), desc(2, R | L, 1, 5)[:15]]
    yield "faults-of-each-cause", [EVENTS] + [
        fault(cause, 2, 3, 5, 0x123456789ABC) for cause in list(range(25)) + list(range(255, 277))]
    yield "faults-of-each-kind", [EVENTS] + [
        fault(13, ttyp, 0xFFFFFF, pasid, 2**64 - 1, privileged << 33)
        for ttyp in range(64) for pasid in (None, 0xFFFFF) for privileged in (0, 1)]
    yield "faults-all-ones", [EVENTS, b"\xff" * 96]
    yield "faults-cut-short", [EVENTS, fault(13, 2, 1, 1, 0x1000)[:31]]


def drhd(base=0xFED90000, size=0, segment=0, flags=0, scopes=b"", length=None):
    return struct.pack("<HHBBHQ", 0, 16 + len(scopes) if length is None else length, flags, size,
                       segment, base) + scopes


def table(*structures, name=b"DMAR", length=None, wrong_by=0):
    body = b"".join(structures)
    head = struct.pack("<4sIBB6s8sI4sIBB10x", name, 48 + len(body) if length is None else length,
                       1, 0, b"TESTS ", b"TESTDMAR", 1, b"TEST", 1, 45, 0)
    whole = bytearray(head + body)
    whole[9] = (wrong_by - sum(whole)) & 0xFF
    return [bytes(whole)]


def dmar():
    scope = bytes([1, 8, 0, 0, 0, 0, 2, 0])
    rmrr = struct.pack("<HHHHQQ", 1, 24 + len(scope), 0, 0, 0x7B800000, 0x7FFFFFFF) + scope
    yield "one-unit", table(drhd())
    yield "no-unit", table()
    yield "two-units-and-memory", table(drhd(0xFED90000, scopes=scope), rmrr,
                                        drhd(0xFED91000, flags=1))
    yield "large-registers", table(*(drhd(n << 32, n) for n in range(1, 16)))
    yield "segments", table(*(drhd(n << 20, 0, n) for n in (1, 0xFF, 0xFFFF)))
    yield "as-many-as-there-may-be", table(*(drhd(n << 12) for n in range(1, 129)))
    yield "one-too-many", table(*(drhd(n << 12) for n in range(1, 130)))
    yield "unknown-structures", table(*(struct.pack("<HH", n, 4) for n in range(1, 9)),
                                      struct.pack("<HH", 256, 4), drhd())
    yield "unit-too-short", table(drhd(length=15))
    yield "no-length", table(drhd(), struct.pack("<HH", 1, 0))
    yield "beyond-the-end", table(drhd(), struct.pack("<HH", 1, 5))
    yield "half-a-structure", table(drhd(), b"\x01\x00")
    yield "wrong-sum", table(drhd(), wrong_by=1)
    yield "wrong-name", table(drhd(), name=b"DMAX")
    yield "length-less-than-the-head", table(length=47)
    yield "cut-short", [table(drhd(), drhd())[0][:70]]
    yield "half-a-head", [table()[0][:30]]
    yield "more-behind-it", table(drhd()) + [b"\xff" * 7]


def msg(cookie, addr=0x5000, flags=2, dev=7, pasid=None, grpid=1, perm=1):
    """A message of a fault queue; flags 1: has a PASID, 2: is the last one."""
    if pasid is not None:
        flags |= 1
    return struct.pack("<6IQ2I", flags, dev, pasid or 0, grpid, perm, 0, addr, 0, cookie)


def order(kind, payload=b""):
    """A step of fuzz_iommufd.c that is no message: 0xe0 read, 0xf0 answers, 0xf8 detach."""
    return (bytes([kind, 0]) + payload).ljust(40, b"\0")


def answers(*slots):
    return order(0xEF + len(slots), struct.pack("<%dH" % len(slots), *slots))


def ends(dev=7, pasid=None, back=0):
    """The kernel ends what a device, or one PASID of it, had in reads up to so many ago."""
    any_pasid = 1 if pasid is None else 0
    return struct.pack("<6I16x", 0xF8, dev, any_pasid, back, pasid or 0, 0)


def messages(cookie, nb, **more):
    """A group."""
    return [msg(cookie, flags=2 if i + 1 == nb else 0, addr=i << 12, **more) for i in range(nb)]


def fault_storm(seed, count, cookies):
    rng = random.Random(seed)
    out = []
    for _ in range(count):
        dice = rng.randrange(100)
        if dice < 70:
            out += messages(rng.randrange(1, cookies), rng.choice([1, 1, 1, 2, 5]),
                            dev=rng.randrange(3), pasid=rng.choice([None, 0, 1, 0xFFFFF]),
                            perm=rng.choice([1, 2, 3, 7, 15, 0, 16]), grpid=rng.randrange(512))
        elif dice < 85:
            out.append(order(0xE0))
        elif dice < 97:
            out.append(answers(*[rng.randrange(64) for _ in range(rng.randrange(1, 9))]))
        else:
            out.append(ends(rng.randrange(3), rng.choice([None, 0, 1]), rng.randrange(4)))
    return out


def iommufd():
    read = order(0xE0)
    yield "one-request", [msg(1), read, answers(0)]
    yield "many-of-one", [msg(i) for i in range(1, 200)] + [read, answers(0, 1, 2, 3, 4, 5, 6, 7)]
    yield "group", messages(1, 3) + [read, answers(0)]
    yield "groups", messages(1, 2) + messages(2, 1) + messages(3, 16) + [read, answers(2, 0, 1)]
    yield "group-in-two-reads", messages(1, 2)[:1] + [read] + messages(1, 2)[1:] + [read]
    yield "no-last", [msg(1, flags=0), msg(1, flags=0), msg(2, flags=0), read]
    yield "nothing-at-all", [msg(9, 0x1000, flags=0, dev=0, grpid=1), msg(5, 0)]
    yield "all-ones", [struct.pack("<6IQ2I", 0xDFFFFFDF, 0xFFFFFFFF, 0, 0, 1, 0, 0, 0, 2), read]
    yield "writes-that-stop", [msg(1 + i, i << 12, grpid=i) for i in range(40)] + [
        order(0xF0, struct.pack("<H34xBB", 0xFFFF, 0xC3, 0xA5))]
    yield "last-in-the-middle", [msg(1), msg(1), msg(1), read, answers(0)]
    yield "same-cookie-apart", [msg(1), msg(2), msg(1), read, answers(0, 1, 2)]
    yield "cookie-comes-again", [msg(1), read, msg(1), read, answers(0), answers(1)]
    yield "cookies-alike", [msg(1), msg(0x10001), msg(0x20001), read, msg(0x10001), read]
    yield "cookies-0-and-all-ones", [msg(0), msg(0xFFFFFFFF), read, answers(0, 1)]
    yield "mixed-pasids", [msg(1, flags=0, pasid=4), msg(1, flags=0), msg(1, pasid=5), read]
    yield "mixed-devices", [msg(1, flags=0, dev=8), msg(1, dev=7), read]
    yield "wide-pasid", [msg(1, pasid=0x100000), msg(2, pasid=0xFFFFFFFF), read]
    yield "pasid-without-flag", [struct.pack("<6IQ2I", 2, 7, 9, 1, 1, 0, 0, 0, 1), read]
    yield "accesses", [msg(i + 1, perm=i) for i in range(33)] + [read]
    yield "unknown-flags", [msg(1, flags=6), msg(2, flags=0xDE), msg(3, flags=0x7FFFFF02), read]
    yield "unaligned-address", [msg(1, addr=2**64 - 1), read]
    yield "wide-index", [msg(1, grpid=0xFFFFFFFF), read]
    yield "answers-never-asked-for", [answers(0, 1, 299, 300, 65535)]
    yield "answered-twice", [msg(1), read, answers(0, 0)]
    yield "detach", [msg(1), msg(2, dev=8), read, ends(), answers(0, 1)]
    yield "detach-of-a-pasid", [msg(1, pasid=3), msg(2, pasid=4), read, ends(pasid=3),
                                answers(0, 1)]
    yield "detach-before-the-last-read", [msg(1), read, msg(2), read, ends(back=1), answers(0, 1)]
    yield "detach-and-cookie-again", [msg(1), read, ends(), msg(1), read, answers(0, 1)]
    yield "more-than-there-are-slots", [step for i in range(4) for step in
                                        [msg(1000 * i + k) for k in range(100)] + [read]]
    yield "writes-that-stop", [msg(i + 1, addr=i << 12) for i in range(40)] + \
        [bytes([0xF0, 0, 0xFF, 0xFF]) + bytes(34) + struct.pack("<H", 0xA5C3)]
    yield "empty-reads", [read, read]
    yield "cut-short", [msg(1), read[:39]]
    yield "storm-of-few-cookies", fault_storm(1, 600, 20)
    yield "storm-of-many-cookies", fault_storm(2, 600, 2**32)


def write(directory, inputs):
    os.makedirs(directory, exist_ok=True)
    for name, parts in inputs:
        with open(os.path.join(directory, name), "wb") as f:
            f.write(b"".join(parts))


def main():
    global desc, RESERVED
    here = os.path.dirname(os.path.abspath(__file__))
    directory = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "corpus")
    write(os.path.join(directory, "dmar"), dmar())
    write(os.path.join(directory, "iommufd"), iommufd())
    write(os.path.join(directory, "request"), corpus())
    # the same histories in other words
    desc, RESERVED = pri, (52, 58)
    write(os.path.join(directory, "request_smmuv3"), smmuv3())
    desc, RESERVED = pq, (35, 40)
    write(os.path.join(directory, "request_riscv"), riscv())


if __name__ == "__main__":
    main()

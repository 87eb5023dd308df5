"""Projections to a volume: reconstruct.py PROJECTIONS VOLUME"""
import sys

import kvox

scan = kvox.io.read_scan(sys.argv[1])
volume = kvox.ct.reconstruct(scan.projections, scan.angles_deg, center="auto", flat=scan.flat, dark=scan.dark)
kvox.io.write_volume(sys.argv[2], volume)

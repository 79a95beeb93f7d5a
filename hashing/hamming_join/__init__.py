"""All pairs of matching fingerprints, without comparing each with each. NumPy, and nothing of Django.

self_join         all matching pairs among fingerprints: the way in
orientation_join  the same for copies that were turned or mirrored
value_join        all pairs of 128-bit values that differ in few bits
band_plan         which bands of bits two near values have in common
bucket_scan       compares the values of a bucket, those with equal bands
buckets           the fingerprints that share a value
fingerprints      the hashes and qualities as arrays, and the rule for a pair of them
pair_list         keeps what was found
"""

"""All pairs of hashes that differ in few bits, without comparing each with each. NumPy, and nothing of Django.

near_pairs    of entries with two hashes each: the way in
turned_pairs  the same for copies that were turned or mirrored
near_entries  the second hash confirms, and divides crowds that share the first
hash_groups   entries with the same hash, as one group
near_values   of single hashes
key_plan      which bits two near hashes must have in common
sorted_by_key the values in the order of a key
bit_order     moves these bits to the front
candidates    compares what has the same key
pair_list     keeps what was found
"""

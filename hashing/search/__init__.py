"""Search by Hamming distance in the site's own database, with plain SQL and no extension.

query       what is asked: the hashes of one picture in one or all orientations, and the limits of a match
bands       the small hashes in pieces, each with an index
radii       how far from a piece to look: the cheapest choice for a table of a given size, or a scan
table_size  about how many rows a table has
candidates  the condition that finds rows through the pieces
match       the rule of `hashing.similarity` as SQL
similar     joins them to a queryset

Source of the method: Norouzi, Punjani and Fleet, "Fast Search in Hamming Space with Multi-Index Hashing" (CVPR 2012).
"""

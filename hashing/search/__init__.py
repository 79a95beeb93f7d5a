"""Search by Hamming distance in the site's own database, with plain SQL and no extension.

bands     a hash in three pieces, each with an index; which values of a piece are worth looking up
distance  the Hamming distance as an expression, in PostgreSQL and in SQLite
wanted    what is searched for: hashes, limits, orientations
similar   joins them to a queryset

Source of the method: Norouzi, Punjani and Fleet, "Fast Search in Hamming Space with Multi-Index Hashing" (CVPR 2012).
"""

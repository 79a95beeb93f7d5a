"""Find the pictures of a table that are the same, and keep them in groups for people to decide about.

hash_table  the hashes of a table as arrays, equal ones once
near_pairs  all pairs within a distance; turned_pairs, those of which one was turned or mirrored
verdicts    what people have decided
ranking     which picture of a group is the better one to keep
stars       groups around their keepers
finder      joins these: from a queryset to groups
store       from groups to rows, as few of them as have changed
regroup     the same for the few rows that one upload, deletion or decision concerns
decisions   what a person says about a group, and how it is taken back
upkeep      groups follow uploads, new files and deletions
run         a search through the whole table
report      what it has found
"""

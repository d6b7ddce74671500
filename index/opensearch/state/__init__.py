"""What the processes of a service share besides documents, in a cluster: jobs, originals, small files, kept questions, rate limits.

In: a connection. Out: the same protocols that a data folder offers. Nothing here is changed without naming the state that was read
(sequence number and primary term), so that of two processes that change the same one begins again.
"""

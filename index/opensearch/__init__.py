"""The engine on an OpenSearch cluster, for several machines with the same documents.

In: the address of a cluster, and the same calls as the embedded engine. Out: the same rankings, because the cluster only finds
candidates and `index.ranking` scores them. The cluster is the truth; no process keeps state of its own. `address` and `connection` know
the cluster, `engine` puts its rooms together.
"""

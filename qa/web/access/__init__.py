"""Access: decides which requests may proceed. Runs before every view.

In: a request. Out: the caller (`g.caller`), or a Problem. `browser` checks Host and Origin and adds the security headers,
`gate` checks the key and the role that the route declares, `quotas` limits the rate.
"""

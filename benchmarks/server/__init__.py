"""A server's processes: their memory, throughput by number of workers, Python calls per question, and other HTTP servers beside ours."""

"""Sources: sites and folders whose documents are kept up to date, by hand or when they are due.

In: sources that the operator adds, what was seen of them, and the writer. Out: documents added, replaced and removed, parked failures, and
an account of each run. Sources and what was seen are small files of the service, so they are where its documents are.
"""

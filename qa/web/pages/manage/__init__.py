"""`/manage`: the page for the people who maintain the documents (setting `manage_page`, role write).

In: GET requests with the list's query string, and plain forms. Out: pages that work without JavaScript, and redirects to them after a form
(POST, redirect, GET). The forms do what the routes of `qa/web/api/` do.
"""

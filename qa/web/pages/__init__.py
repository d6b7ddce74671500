"""The pages for people: search box, chat, document, upload; HTML error pages; feedback on answers.

In: GET requests and plain forms. Out: HTML that works without JavaScript (`templates/`), and the scripts and style that improve it
(`static/`). Scripts build the same markup from the JSON API; a browser test compares the two.
"""

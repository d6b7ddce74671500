"""Tools for the dependencies: pin them (constraints), audit them for known vulnerabilities, list their licences."""

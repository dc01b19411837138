"""User JavaScript (workflow-format.md, section 14): V8 in processes of its own, and a bridge to the page.

Nothing is imported here, because the process that holds V8 begins by importing this package.
"""

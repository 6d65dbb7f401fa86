"""What people and programs can do: endpoints, trackings, deliveries, recoveries, accounts, API keys, files of parcels.

In come values and who acts; out go values, or a refusal that names what is wrong. Every function is about one account's
own: what is another account's does not exist for it. The faces (``api``, ``portal``, ``cli``) call these functions and
no others to change anything, so that a page, a call and a command never differ.
"""

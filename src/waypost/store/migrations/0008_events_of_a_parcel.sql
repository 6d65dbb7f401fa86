-- A parcel's page shows its events, newest first, and why some of them were not sent.

create index event_tracking on event (tracking, id);

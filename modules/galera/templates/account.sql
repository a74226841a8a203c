-- Written by cellhost, and gone again in a moment.
CREATE USER IF NOT EXISTS '{{ account }}'@'localhost';
ALTER USER '{{ account }}'@'localhost' IDENTIFIED BY '{{ password | replace('\\', '\\\\') | replace("'", "''") }}';
GRANT RELOAD, PROCESS, LOCK TABLES, BINLOG MONITOR, REPLICA MONITOR ON *.* TO '{{ account }}'@'localhost';

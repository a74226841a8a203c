-- Written by cellhost, and gone again in a moment.
CREATE USER IF NOT EXISTS '{{ account }}'@'localhost';
ALTER USER '{{ account }}'@'localhost' IDENTIFIED BY '{{ password | replace('\\', '\\\\') | replace("'", "''") }}';
GRANT {{ privileges }} ON *.* TO '{{ account }}'@'localhost';

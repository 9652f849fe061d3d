# Run once by MariaDB's image, in its shell: the user that Leat reads as.
docker_process_sql <<SQL
CREATE USER leat@'%' IDENTIFIED BY '$LEAT_DB_PASSWORD';
GRANT SELECT ON tx_collector.* TO leat@'%';
GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO leat@'%';
SQL

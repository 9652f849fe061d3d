# Generators talk to servers through the connectors' own clients; rows of topics are shown
# as stdout writes them.
leat_use(leat_mysql leat_stdout leat_topic)

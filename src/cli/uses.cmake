target_compile_definitions(${target} PUBLIC LEAT_VERSION="${PROJECT_VERSION}")
# Generators talk to servers through the connectors' own clients.
leat_use(leat_mysql)

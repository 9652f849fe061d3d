# `make package`: a Debian package with the program, those libraries that Debian has not, or not
# new enough, in lib/leat, and a systemd unit. What it needs of Debian is found by dpkg-shlibdeps.
set_target_properties(leat PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/leat")
install(TARGETS leat RUNTIME DESTINATION bin)
install(FILES ${LEAT_BUNDLED} DESTINATION lib/leat)
install(FILES deploy/systemd/leat.service DESTINATION lib/systemd/system)
install(FILES README.md CHANGELOG.md DESTINATION share/doc/leat)
install(DIRECTORY docs deploy/prometheus deploy/grafana DESTINATION share/doc/leat)
install(FILES LICENSE DESTINATION share/doc/leat RENAME copyright)
# Of the libraries.
install(FILES deploy/licenses/duckdb.txt DESTINATION share/doc/leat/licenses)
install(FILES ${cache}/librdkafka/share/licenses/librdkafka/LICENSES.txt
        DESTINATION share/doc/leat/licenses RENAME librdkafka.txt OPTIONAL)
file(GLOB arrow_license ${wheel}-*.dist-info/licenses/LICENSE.txt)
install(FILES ${arrow_license} DESTINATION share/doc/leat/licenses RENAME arrow.txt)
# Written by scripts/package.sh.
install(FILES ${CMAKE_BINARY_DIR}/generated/leat.bash
        DESTINATION share/bash-completion/completions RENAME leat)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The Leat developers <leat@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "changes from databases, topics and files into tables")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
foreach(library ${LEAT_BUNDLED})
  get_filename_component(folder ${library} DIRECTORY)
  list(APPEND CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${folder})
endforeach()
list(REMOVE_DUPLICATES CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS)
include(CPack)

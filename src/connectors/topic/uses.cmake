leat_use(PkgConfig::HTTPLIB)

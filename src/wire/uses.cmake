leat_use(leat_arrow_s3)

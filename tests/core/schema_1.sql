CREATE TABLE environment (
	name VARCHAR NOT NULL,
	settings VARCHAR NOT NULL,
	PRIMARY KEY (name)
);
CREATE TABLE fact (
	"key" VARCHAR NOT NULL,
	value VARCHAR NOT NULL,
	PRIMARY KEY ("key")
);
CREATE TABLE job (
	id INTEGER NOT NULL,
	run_id VARCHAR NOT NULL,
	status INTEGER NOT NULL,
	state_seq INTEGER NOT NULL,
	claim VARCHAR,
	script VARCHAR NOT NULL,
	script_id INTEGER,
	script_path VARCHAR NOT NULL,
	content_hash VARCHAR NOT NULL,
	git_commit VARCHAR,
	environment VARCHAR NOT NULL,
	parameters VARCHAR NOT NULL,
	identity VARCHAR NOT NULL,
	computer_name VARCHAR NOT NULL,
	process_id INTEGER,
	created BIGINT NOT NULL,
	started BIGINT,
	ended BIGINT,
	exit_code INTEGER,
	signal INTEGER,
	reason VARCHAR,
	parent_job INTEGER,
	parent_line_number INTEGER,
	attempt INTEGER NOT NULL,
	rerun_of INTEGER,
	error_action VARCHAR NOT NULL,
	timeout FLOAT NOT NULL,
	working_directory VARCHAR NOT NULL,
	tags VARCHAR NOT NULL,
	notes VARCHAR NOT NULL,
	source VARCHAR NOT NULL,
	records INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	objects INTEGER NOT NULL,
	errors INTEGER NOT NULL,
	warnings INTEGER NOT NULL,
	feedback INTEGER,
	activity VARCHAR,
	current_operation VARCHAR,
	status_description VARCHAR,
	percent_complete FLOAT,
	seconds_remaining FLOAT,
	receipt VARCHAR,
	remarks VARCHAR NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX job_created ON job (created);
CREATE INDEX job_identity ON job (identity, id);
CREATE INDEX job_parent ON job (parent_job, id) WHERE parent_job IS NOT NULL;
CREATE UNIQUE INDEX job_run ON job (run_id);
CREATE INDEX job_script ON job (script, id);
CREATE INDEX job_status ON job (status, id);
CREATE INDEX job_unfinished ON job (id) WHERE status IN (0, 1, 4, 6);
CREATE TABLE leader (
	id INTEGER NOT NULL,
	engine VARCHAR NOT NULL,
	process_id INTEGER NOT NULL,
	boot_id VARCHAR NOT NULL,
	since BIGINT NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE probe (
	"key" VARCHAR NOT NULL,
	result VARCHAR NOT NULL,
	PRIMARY KEY ("key")
);
CREATE TABLE script (
	id INTEGER NOT NULL,
	name VARCHAR NOT NULL,
	path VARCHAR NOT NULL,
	settings VARCHAR NOT NULL,
	created BIGINT NOT NULL,
	changed BIGINT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (path)
);
CREATE INDEX script_name ON script (name);
CREATE TABLE sequence (
	name VARCHAR NOT NULL,
	value INTEGER NOT NULL,
	PRIMARY KEY (name)
);

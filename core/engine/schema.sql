CREATE TABLE change (
	kind VARCHAR NOT NULL,
	thing INTEGER NOT NULL,
	sequence BIGINT NOT NULL,
	PRIMARY KEY (kind, thing)
);
CREATE INDEX change_sequence ON change (sequence);
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
	request_key VARCHAR,
	changed BIGINT DEFAULT 0 NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX job_changed ON job (changed);
CREATE INDEX job_created ON job (created);
CREATE INDEX job_duration ON job (CASE WHEN ended IS NULL THEN 9223372036854775807 - coalesce(started, created) ELSE ended - coalesce(started, ended) END, id);
CREATE INDEX job_ended ON job (coalesce(ended, 9223372036854775807), id);
CREATE INDEX job_environment ON job (environment, id);
CREATE INDEX job_identity ON job (identity, id);
CREATE UNIQUE INDEX job_key ON job (identity, request_key) WHERE request_key IS NOT NULL;
CREATE INDEX job_parent ON job (parent_job, id) WHERE parent_job IS NOT NULL;
CREATE INDEX job_rerun ON job (rerun_of, id) WHERE rerun_of IS NOT NULL;
CREATE UNIQUE INDEX job_run ON job (run_id);
CREATE INDEX job_script ON job (script, id);
CREATE INDEX job_script_id ON job (script_id, id);
CREATE INDEX job_script_path ON job (script_path, id);
CREATE INDEX job_source ON job (source, id);
CREATE INDEX job_started ON job (coalesce(started, created), id);
CREATE INDEX job_status ON job (status, id);
CREATE INDEX job_unfinished ON job (id) WHERE status IN (0, 1, 4, 6);
CREATE TABLE job_tag (
	tag VARCHAR NOT NULL,
	job INTEGER NOT NULL,
	PRIMARY KEY (tag, job)
)
 WITHOUT ROWID;
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
CREATE TABLE tally (
	script_id INTEGER NOT NULL,
	status INTEGER NOT NULL,
	jobs INTEGER NOT NULL,
	PRIMARY KEY (script_id, status)
);
CREATE TABLE token (
	id INTEGER NOT NULL,
	hash VARCHAR NOT NULL,
	identity VARCHAR NOT NULL,
	role VARCHAR NOT NULL,
	description VARCHAR NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT,
	last_used BIGINT,
	revoked BIGINT,
	scripts VARCHAR NOT NULL,
	tags VARCHAR NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (hash)
);
CREATE TRIGGER job_added AFTER INSERT ON job BEGIN INSERT INTO tally (script_id, status, jobs) VALUES (coalesce(new.script_id, 0), new.status, 1) ON CONFLICT (script_id, status) DO UPDATE SET jobs = jobs + 1; END;
CREATE TRIGGER job_moved AFTER UPDATE OF status, script_id ON job WHEN old.status <> new.status OR old.script_id IS NOT new.script_id BEGIN UPDATE tally SET jobs = jobs - 1 WHERE script_id = coalesce(old.script_id, 0) AND status = old.status; INSERT INTO tally (script_id, status, jobs) VALUES (coalesce(new.script_id, 0), new.status, 1) ON CONFLICT (script_id, status) DO UPDATE SET jobs = jobs + 1; END;
CREATE TRIGGER job_removed AFTER DELETE ON job BEGIN UPDATE tally SET jobs = jobs - 1 WHERE script_id = coalesce(old.script_id, 0) AND status = old.status; END;
CREATE TRIGGER job_tagged AFTER INSERT ON job WHEN new.tags <> '[]' BEGIN INSERT OR IGNORE INTO job_tag (tag, job) SELECT value, new.id FROM json_each(new.tags); END;
CREATE TRIGGER job_untagged AFTER DELETE ON job WHEN old.tags <> '[]' BEGIN DELETE FROM job_tag WHERE tag IN (SELECT value FROM json_each(old.tags)) AND job = old.id; END;

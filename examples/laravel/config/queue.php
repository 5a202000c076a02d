<?php

return [
    'default' => 'redis',
    'connections' => [
        'redis' => [
            'driver' => 'redis',
            'connection' => 'default',
            'queue' => 'mails',
            'retry_after' => 90, // longer than any job: minisup.toml ends a run after 60 s
            'block_for' => null,
        ],
    ],
    'failed' => ['driver' => null], // in a real application: a table of the database
];

<?php

// LOG_CHANNEL=stderr: what Laravel reports, a queue that does not answer for one, is seen by minisup.
return [
    'default' => env('LOG_CHANNEL', 'single'),
    'channels' => [
        'single' => ['driver' => 'single', 'path' => storage_path('laravel.log')],
        'stderr' => [
            'driver' => 'monolog',
            'handler' => Monolog\Handler\StreamHandler::class,
            'with' => ['stream' => 'php://stderr'],
            'formatter' => Monolog\Formatter\LineFormatter::class, // one line an error: `minisup status` shows it
        ],
    ],
];

<?php

// What the framework writes (caches, failed jobs) goes to one directory; minisup.toml names it.
$storage = getenv('STORAGE') ?: dirname(__DIR__).'/storage';
$_SERVER += ['APP_PACKAGES_CACHE' => "$storage/packages.php", 'APP_SERVICES_CACHE' => "$storage/services.php"];

$app = new Illuminate\Foundation\Application(dirname(__DIR__));
$app->useStoragePath($storage);
$app->singleton(Illuminate\Contracts\Console\Kernel::class, App\Kernel::class);
$app->singleton(Illuminate\Contracts\Debug\ExceptionHandler::class, Illuminate\Foundation\Exceptions\Handler::class);

return $app;
